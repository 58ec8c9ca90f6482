import type { BuildResult } from 'esbuild';

export function bundleClient(outdir: string, write?: boolean): Promise<BuildResult>;
export function bundleWhole(outfile: string): Promise<BuildResult>;
