/**
 * One attack on servers of its own, beside good clients: first a quiet time, then the attack, on the same machine in the same
 * run. What is promised is compared with both: the bound on memory, the longest standstill, and what good clients felt.
 */
import type { Attack, Did, Size } from './attack.ts';
import type { AttackerQuestion } from './attacker.ts';
import { Child } from './children.ts';
import type { Measured } from './good-clients.ts';
import type { GoodQuestion } from './good-process.ts';
import { type Ground, prepareGround } from './ground.ts';
import { Scales, type Weighed } from './scales.ts';
import { type Choice, environmentOf } from './settings.ts';
import { judge } from './verdict.ts';

export interface Felt {
  readonly quiet: Measured;
  readonly loaded: Measured;
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
const DRIVE_MS: Readonly<Record<Size, number>> = { small: 150_000, full: 400_000 };
const END_MS = 60_000;
const QUIET_MS: Readonly<Record<Size, number>> = { small: 1_000, full: 5_000 };
/** Nobody is left when a trial ends. */
const DRAINED_MS = '500';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export async function attempt(attack: Attack, size: Size, choice: Choice): Promise<Row> {
  const env = { DRAIN_MS: DRAINED_MS, ...environmentOf(choice), ...attack.env?.(size) };
  await using ground = await prepareGround({
    store: attack.store,
    choice,
    env,
    descriptors: attack.descriptors?.(size),
  });
  // Not while the servers begin: on a slow machine all of them would be late.
  await using attacker = new Child(new URL('attacker.ts', import.meta.url), [attack.name]);
  await using good = new Child(new URL('good-process.ts', import.meta.url));
  const tell = <T>(question: GoodQuestion) => good.ask<T>(question, question.step === 'open' ? OPEN_MS : END_MS);
  const measure = async (during: () => Promise<unknown>) => {
    await tell({ step: 'begin' });
    await during();
    return tell<Measured>({ step: 'end' });
  };
  let quiet: Measured | null = null;
  if (!attack.endsServers) {
    await tell({ step: 'open', target: ground.target });
    quiet = await measure(() => pause(QUIET_MS[size]));
  }
  const drive = { target: ground.target, size };
  const ask = <T>(step: AttackerQuestion['step'], timeoutMs: number) => attacker.ask<T>({ step, drive }, timeoutMs);
  const unprepared = await ask('prepare', PREPARE_MS).then(
    () => null,
    (error: Error) => notDone(error),
  );
  const fight = async () => unprepared ?? (await ask<Did>('drive', DRIVE_MS[size]).catch(notDone));
  const scales = new Scales(ground, attack, size);
  let did: Did | undefined;
  const fought = async () => {
    did = await scales.during(fight);
  };
  let felt: Felt | null = null;
  if (quiet === null) await fought();
  else felt = { quiet, loaded: await measure(fought) };
  if (felt !== null) await tell({ step: 'close' });
  return judge(attack, size, { did: did!, felt, weighed: scales.processes, ...(await look(ground, attack)) });
}

function notDone(error: Error): Did {
  return { figures: {}, faults: [`the attack did not come to its end: ${error.message}`] };
}

/** Whether the servers are there still, how they end, and what they have written. */
async function look(ground: Ground, { endsServers }: Attack): Promise<Pick<Seen, 'logBytes' | 'errors' | 'ended'>> {
  const ended: string[] = [];
  let isStopping = false;
  const watching = ground.servers.map((server) =>
    server.exited.then(({ code, signal }) => {
      if (isStopping || endsServers) return;
      ended.push(`a server ended by itself (${signal ?? code}):\n${server.output().slice(-2_000)}`);
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
    logBytes: ground.servers.reduce((sum, server) => sum + server.output().length, 0),
    errors: errors.map((line) => JSON.stringify(line).slice(0, 300)),
    ended,
  };
}
