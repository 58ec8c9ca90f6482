/**
 * A whole fleet on one machine, and the load on it: 0 clean, 1 not clean, 2 bad use, 130 after Ctrl-C. Whatever it has started
 * is gone when it ends.
 */

import { readLimits } from '../measures/machine.ts';
import { markdownOf, rowsOf } from '../report/markdown.ts';
import { writeResult, writeText } from '../report/write.ts';
import { BadUse, readArguments } from '../run/arguments.ts';
import { runLoad } from '../run/coordinator.ts';
import { createProgress } from '../run/progress.ts';
import { number, verdictLines } from '../run/verdict.ts';
import { type FleetOptions, fleetUsage, readFleetArguments } from './arguments.ts';
import { createCosts } from './costs.ts';
import { factsOf } from './facts.ts';
import { type Parts, startParts } from './parts.ts';
import type { PartName } from './process.ts';

const INTERRUPTED = 130;
const names: readonly PartName[] = ['gateways', 'buckets', 'mergers', 'Redis'];

async function run(options: FleetOptions): Promise<number> {
  // What is wrong with the load is told before anything is started.
  readArguments(['--target', 'http://127.0.0.1:1', ...withoutSpread(options.load)]);
  const progress = createProgress(process.stdout);
  const stop = new AbortController();
  let isInterrupted = false;
  const onSignal = (signal: NodeJS.Signals) => {
    if (isInterrupted) process.exit(INTERRUPTED);
    isInterrupted = true;
    stop.abort(`${signal}: what follows is what there was until then`);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  const startedMs = performance.now();
  const costs = createCosts();
  let parts: Parts | undefined;
  try {
    parts = await startParts({ options, say: progress.say, onEnd: (why) => stop.abort(why), signal: stop.signal });
    for (const name of names) {
      const pids = parts.of(name).map(({ pid }) => pid);
      costs.watch(name, pids);
    }
    const urls = parts.of('gateways').map(({ port }) => `http://127.0.0.1:${port}`);
    const target = `http://127.0.0.1:${parts.of('buckets')[0]!.port}`;
    const load = readArguments([
      '--target',
      target,
      ...urls.flatMap((url) => ['--streams-target', url]),
      ...options.load,
    ])!;
    const result = await runLoad(load, {
      progress,
      signal: stop.signal,
      memory: costs.memory,
      onCrew: (pids) => costs.watch('generator', [process.pid, ...pids]),
      onPhase: (phase) => costs.mark(markNames[phase]),
      tables: () => costs.tables(load.streams),
    });
    const wallS = (performance.now() - startedMs) / 1000;
    for (const line of verdictLines(result)) progress.say(line);
    for (const table of result.tables) for (const line of ['', table.title, '', ...rowsOf(table)]) progress.say(line);
    if (!result.isClean) {
      for (const part of parts.all) for (const line of part.complaints) progress.say(`${part.name} said: ${line}`);
    }
    for (const path of writeResult(result)) progress.say(`written: ${path}`);
    if (options.markdown !== null) {
      const facts = factsOf(options, process.argv.slice(2), wallS);
      const text = markdownOf(`A fleet with ${number(load.streams)} streams`, facts, result);
      progress.say(`written: ${writeText(options.markdown, text)}`);
    }
    if (isInterrupted) return INTERRUPTED;
    return result.isClean ? 0 : 1;
  } catch (error) {
    // While the parts were being started: nothing has been measured.
    if (isInterrupted) return INTERRUPTED;
    throw error;
  } finally {
    progress.say('stopping the fleet');
    await parts?.stop();
  }
}

const markNames = {
  prime: 'started',
  open: 'started',
  load: 'all open',
  settle: 'end of load',
  cut: 'cut short',
} as const;

/** How many gateways there are to spread over is only known later. */
function withoutSpread(load: readonly string[]): string[] {
  const at = load.indexOf('--spread');
  return at < 0 ? [...load] : load.toSpliced(at, 2);
}

try {
  const options = readFleetArguments(process.argv.slice(2), readLimits().descriptors);
  if (options === null) process.stdout.write(fleetUsage);
  process.exitCode = options === null ? 0 : await run(options);
} catch (error) {
  // A part that ended is told as a sentence.
  const why = error instanceof Error && !(error instanceof BadUse) ? error.stack : ((error as Error).message ?? error);
  process.stderr.write(`fleet: ${why}\n`);
  process.exitCode = error instanceof BadUse ? 2 : 1;
}
