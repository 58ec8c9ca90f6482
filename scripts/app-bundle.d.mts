export function bundleApp(outdir: string): Promise<void>;
