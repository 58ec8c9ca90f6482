/**
 * One attack on servers of its own, beside good clients: first a quiet time, then the attack, on the same machine in the same
 * run. What is promised is compared with both: the bound on memory, the longest standstill, and what good clients felt.
 */
import type { Attack, Did, Size } from './attack.ts';
import type { AttackerQuestion } from './attacker.ts';
import { type Bound, boundOf } from './budget.ts';
import { Child } from './children.ts';
import { peakBytes, resetPeak, residentBytes } from './gauges.ts';
import type { Measured } from './good-clients.ts';
import type { GoodQuestion } from './good-process.ts';
import { type Ground, prepareGround } from './ground.ts';
import { type Choice, environmentOf } from './settings.ts';
import { judge } from './verdict.ts';

export interface Felt {
  readonly quiet: Measured;
  readonly loaded: Measured;
}

/** Of one process, bytes. */
export interface Weighed extends Bound {
  readonly pid: number;
  readonly beforeBytes: number;
  readonly peakBytes: number;
}

export interface Seen {
  readonly did: Did;
  readonly felt: Felt | null;
  readonly weighed: readonly Weighed[];
  readonly logBytes: number;
  /** Lines at error and above. */
  readonly errors: readonly string[];
  /** What each process that has ended by itself ended with. */
  readonly ended: readonly string[];
}

export interface Row {
  readonly figures: Readonly<Record<string, number | string>>;
  readonly failures: readonly string[];
}

/** Steps of one trial, generous: what takes longer has hung. */
const OPEN_MS = 60_000;
const PREPARE_MS = 180_000;
const DRIVE_MS: Readonly<Record<Size, number>> = { small: 90_000, full: 400_000 };
const END_MS = 60_000;
const QUIET_MS: Readonly<Record<Size, number>> = { small: 1_000, full: 5_000 };
/** Nobody is left when a trial ends. */
const DRAINED_MS = '500';
/** While it works, its peak is looked at: of a process that has ended there is none any more. */
const SAMPLE_MS = 50;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export async function attempt(attack: Attack, size: Size, choice: Choice): Promise<Row> {
  const env = { DRAIN_MS: DRAINED_MS, ...environmentOf(choice), ...attack.env?.(size) };
  await using ground = await prepareGround({
    store: attack.store,
    choice,
    env,
    descriptors: attack.descriptors?.(size),
  });
  await using attacker = new Child(new URL('attacker.ts', import.meta.url), [attack.name]);
  const drive = { target: ground.target, size };
  const ask = <T>(step: AttackerQuestion['step'], timeoutMs: number) => attacker.ask<T>({ step, drive }, timeoutMs);
  const fight = () => ask<Did>('drive', DRIVE_MS[size]).catch(notDone);
  if (attack.endsServers) {
    await ask('prepare', PREPARE_MS);
    const { weighed, result } = await weigh(ground, attack, size, fight);
    return judge(attack, size, await look(ground, attack, result, null, weighed));
  }
  await using good = new Child(new URL('good-process.ts', import.meta.url));
  const tell = <T>(question: GoodQuestion) => good.ask<T>(question, question.step === 'open' ? OPEN_MS : END_MS);
  await tell({ step: 'open', target: ground.target });
  await tell({ step: 'begin' });
  await pause(QUIET_MS[size]);
  const quiet = await tell<Measured>({ step: 'end' });
  await ask('prepare', PREPARE_MS);
  await tell({ step: 'begin' });
  const { weighed, result } = await weigh(ground, attack, size, fight);
  const loaded = await tell<Measured>({ step: 'end' });
  await tell({ step: 'close' });
  return judge(attack, size, await look(ground, attack, result, { quiet, loaded }, weighed));
}

function notDone(error: Error): Did {
  return { figures: {}, faults: [`the attack did not come to its end: ${error.message}`] };
}

async function weigh(ground: Ground, attack: Attack, size: Size, fight: () => Promise<Did>) {
  const stored = attack.store === 'memory' ? (attack.storedBytes?.(size) ?? 0) : 0;
  const processes = ground.servers.map(({ pid }) => {
    const beforeBytes = residentBytes(pid);
    resetPeak(pid);
    return { pid, beforeBytes, peakBytes: beforeBytes, ...boundOf(ground.config, attack.holds, stored, beforeBytes) };
  });
  const sample = () => {
    for (const each of processes) each.peakBytes = Math.max(each.peakBytes, peakBytes(each.pid));
  };
  const timer = setInterval(sample, SAMPLE_MS);
  const result = await fight();
  clearInterval(timer);
  sample();
  return { weighed: processes, result };
}

async function look(
  ground: Ground,
  attack: Attack,
  did: Did,
  felt: Felt | null,
  weighed: readonly Weighed[],
): Promise<Seen> {
  const ended: string[] = [];
  let isStopping = false;
  const watching = ground.servers.map((server) =>
    server.exited.then(({ code, signal }) => {
      if (!isStopping && !attack.endsServers) {
        ended.push(`a server ended by itself (${signal ?? code}):\n${server.output().slice(-2_000)}`);
      }
    }),
  );
  // One that has ended is told of in a later turn.
  await pause(0);
  isStopping = true;
  const exits = await ground.stop();
  await Promise.all(watching);
  if (ended.length === 0) {
    for (const { code, signal } of exits) if (code !== 0) ended.push(`a server stopped with ${signal ?? code}`);
  }
  const logged = ground.servers.flatMap((server) => server.logged);
  const errors = logged.filter(({ level }) => level === 'error' || level === 'fatal');
  return {
    did,
    felt,
    weighed,
    logBytes: ground.servers.reduce((sum, server) => sum + server.output().length, 0),
    errors: errors.map((line) => JSON.stringify(line).slice(0, 300)),
    ended,
  };
}
