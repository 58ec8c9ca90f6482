/**
 * Renders a kustomization with the real thing: `kustomize`, or the one within `kubectl`. Neither asks a cluster.
 *
 * A machine without either fails the check: what was not rendered was not looked at.
 */
import { spawnSync } from 'node:child_process';

/** The first that is there is used. Components and labels without selectors need kustomize 5. */
const programs = [
  { name: 'kustomize', args: ['build'] },
  { name: 'kubectl', args: ['kustomize'] },
] as const;

const RENDER_TIMEOUT_MS = 60_000;
const OUTPUT_MAX_BYTES = 16 * 1024 * 1024;

const known = new Map<string, string>();

/** YAML of all documents; what is in a folder is taken not to change meanwhile. @throws with what the renderer said. */
export function render(folder: string): string {
  const yaml = known.get(folder) ?? rendered(folder);
  known.set(folder, yaml);
  return yaml;
}

function rendered(folder: string): string {
  for (const { name, args } of programs) {
    const { error, status, stdout, stderr } = spawnSync(name, [...args, folder], {
      encoding: 'utf8',
      timeout: RENDER_TIMEOUT_MS,
      maxBuffer: OUTPUT_MAX_BYTES,
    });
    if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') continue;
    if (error) throw error;
    if (status !== 0) throw new Error(`${name} could not render ${folder}:\n${stderr}`);
    return stdout;
  }
  throw new Error(
    'The manifests are rendered by `kustomize` (5.0 or later) or `kubectl` (1.27 or later): neither is on the PATH.',
  );
}
