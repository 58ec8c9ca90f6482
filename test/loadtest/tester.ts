/** The load tester and its fleet as their users start them: a process, with all it says and the code it ends with. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Result } from '../../loadtest/run/result.ts';
import { asTypeScript } from '../support/typescript.ts';

export interface Tested {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Null when it wrote none. */
  readonly result: Result | null;
  readonly page: string | null;
  /** Whatever it had started when `interrupt` was called. */
  readonly descendants: readonly number[];
}

const programs = { loadtest: 'main.ts', fleet: 'fleet/main.ts' };

export interface TesterOptions {
  readonly program?: keyof typeof programs;
  /** Called with everything it has said so far, whenever it says something. */
  readonly onOutput?: (stdout: string, interrupt: (signal?: NodeJS.Signals) => void) => void;
  /** A limit on the files it may open. */
  readonly files?: number;
}

export async function runTester(
  args: readonly string[],
  { program = 'loadtest', onOutput, files }: TesterOptions = {},
): Promise<Tested> {
  const path = fileURLToPath(new URL(`../../loadtest/${programs[program]}`, import.meta.url));
  const dir = mkdtempSync(join(tmpdir(), 'loadtest-'));
  const json = join(dir, 'out.json');
  const report = join(dir, 'out.html');
  const command = [process.execPath, ...asTypeScript, path, ...args, '--json', json, '--report', report];
  const shell = files === undefined ? [] : ['sh', '-c', `ulimit -n ${files}; exec "$0" "$@"`];
  const [first, ...others] = [...shell, ...command];
  const child = spawn(first!, others, { stdio: ['ignore', 'pipe', 'pipe'] });
  let descendants: readonly number[] = [];
  const interrupt = (signal: NodeJS.Signals = 'SIGINT') => {
    // Once: the second time it would not wait for anything.
    if (descendants.length > 0) return;
    descendants = descendantsOf(child.pid!);
    child.kill(signal);
  };
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    onOutput?.(stdout, interrupt);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    const result = readIfThere(json);
    return {
      code,
      stdout,
      stderr,
      result: result === null ? null : (JSON.parse(result) as Result),
      page: readIfThere(report),
      descendants,
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

export function descendantsOf(pid: number): number[] {
  const children = readIfThere(`/proc/${pid}/task/${pid}/children`) ?? '';
  return children
    .split(' ')
    .filter(Boolean)
    .flatMap((child) => [Number(child), ...descendantsOf(Number(child))]);
}

/** Whether a process is there and has not ended; one that has may still wait to be asked how. */
export function isRunning(pid: number): boolean {
  const stat = readIfThere(`/proc/${pid}/stat`);
  return stat !== null && !/\) [ZX] /.test(stat);
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
