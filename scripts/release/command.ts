/** Programs that a release is made with. */
import { spawnSync } from 'node:child_process';

const OUTPUT_MAX_BYTES = 64 * 1024 * 1024;

/** @returns What it wrote to its standard output. @throws with all it said, unless it ended with 0. */
export function command(cwd: string, program: string, ...words: readonly string[]): string {
  const { status, signal, error, stdout, stderr } = spawnSync(program, words, {
    cwd,
    encoding: 'utf8',
    maxBuffer: OUTPUT_MAX_BYTES,
  });
  if (status === 0) return stdout;
  throw new Error(
    `${program} ${words[0] ?? ''}: ${error?.message ?? `ended with ${status ?? signal}`}\n${stdout}${stderr}`,
  );
}
