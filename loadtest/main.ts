/** The load tester as a program: 0 clean, 1 not clean, 2 bad use, 130 after Ctrl-C. */

import { writeResult } from './report/write.ts';
import { BadUse, type LoadOptions, readArguments, usage } from './run/arguments.ts';
import { runLoad } from './run/coordinator.ts';
import { createProgress } from './run/progress.ts';
import { verdictLines } from './run/verdict.ts';

const INTERRUPTED = 130;

async function run(options: LoadOptions): Promise<number> {
  const progress = createProgress(process.stdout);
  const stop = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => {
    // Whoever asks twice does not want to wait; the processes go with this one.
    if (stop.signal.aborted) process.exit(INTERRUPTED);
    stop.abort(`${signal}: what follows is what there was until then`);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  progress.say(`seed ${options.seed}`);
  const result = await runLoad(options, { progress, signal: stop.signal });
  for (const line of verdictLines(result)) progress.say(line);
  for (const path of writeResult(result)) progress.say(`written: ${path}`);
  if (stop.signal.aborted) return INTERRUPTED;
  return result.isClean ? 0 : 1;
}

try {
  const options = readArguments(process.argv.slice(2));
  if (options === null) process.stdout.write(usage);
  process.exitCode = options === null ? 0 : await run(options);
} catch (error) {
  if (!(error instanceof BadUse)) throw error;
  process.stderr.write(`loadtest: ${error.message}\n`);
  process.exitCode = 2;
}
