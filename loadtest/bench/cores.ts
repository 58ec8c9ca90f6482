/** On which core of this machine a part of a benchmark runs: where a fleet would have machines of their own for its parts. */
import { execFileSync } from 'node:child_process';

/** Processes that this one starts from now on run there, and so does it. */
export function runOn(core: number): void {
  execFileSync('taskset', ['--cpu-list', '--pid', String(core), String(process.pid)], { stdio: 'ignore' });
}

/** What is started so runs on that core; this process is back on the other one afterwards. */
export async function startedOn<T>(core: number, back: number, start: () => Promise<T>): Promise<T> {
  runOn(core);
  try {
    return await start();
  } finally {
    runOn(back);
  }
}
