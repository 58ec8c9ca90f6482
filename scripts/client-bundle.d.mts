export interface BuiltFile {
  readonly path: string;
  readonly text: string;
  readonly contents: Uint8Array;
}

export function bundleClient(
  outdir: string,
  isWritten?: boolean,
): Promise<{ readonly outputFiles: readonly BuiltFile[] }>;
export function bundleWhole(outfile: string): Promise<void>;
