/** The load tester as its users start it: a process of its own, with all it says and the code it ends with. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Result } from '../../loadtest/result.ts';

export interface Tested {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Null when it wrote none. */
  readonly result: Result | null;
  readonly page: string | null;
}

const program = fileURLToPath(new URL('../../loadtest/main.ts', import.meta.url));

export interface TesterOptions {
  /** Called with everything it has said so far, whenever it says something. */
  readonly onOutput?: (stdout: string, interrupt: () => void) => void;
  /** A limit on the files it may open. */
  readonly files?: number;
}

export async function runTester(args: readonly string[], { onOutput, files }: TesterOptions = {}): Promise<Tested> {
  const dir = mkdtempSync(join(tmpdir(), 'loadtest-'));
  const json = join(dir, 'out.json');
  const report = join(dir, 'out.html');
  const command = [process.execPath, '--import', 'tsx', program, ...args, '--json', json, '--report', report];
  const shell = files === undefined ? [] : ['sh', '-c', `ulimit -n ${files}; exec "$0" "$@"`];
  const [first, ...others] = [...shell, ...command];
  const child = spawn(first!, others, { stdio: ['ignore', 'pipe', 'pipe'] });
  const interrupt = () => {
    // Once: the second time it would not wait for anything.
    if (!isInterrupted) child.kill('SIGINT');
    isInterrupted = true;
  };
  let isInterrupted = false;
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
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
