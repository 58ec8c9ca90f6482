/**
 * A while of attacks at random, several at a time, on one server: who they are, how large and for how long follows from a seed.
 * An attacker whose time is up is killed wherever it is, as clients are.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../support/random.ts';
import { waitFor } from '../support/wait.ts';
import type { Attack, Size } from './attack.ts';
import { attacks } from './attacks.ts';
import { boundOf } from './budget.ts';
import { Child } from './children.ts';
import { peakBytes, residentBytes } from './gauges.ts';
import type { Measured } from './good-clients.ts';
import type { GoodQuestion } from './good-process.ts';
import { prepareGround } from './ground.ts';
import { type Choice, environmentOf } from './settings.ts';

export interface Siege {
  readonly choice: Choice;
  readonly forMs: number;
  readonly random: Random;
}

export interface Outcome {
  readonly figures: Readonly<Record<string, number | string>>;
  readonly failures: readonly string[];
  readonly attempts: number;
  readonly failed: number;
}

const AT_ONCE = 3;
const LEAST_MS = 2_000;
const MOST_MS = 20_000;
/** One in so many is of full size. */
const FULL = 4;
const OPEN_MS = 60_000;
/** Events of the last changes, and what a loop that is behind has to do. */
const END_MS = 120_000;
/** The collector works on while a process rests. */
const REST_MS = 90_000;
/** Memory that rests: what was there, the rings, and what is held for those who come back. */
const AT_REST = ['rings', 'hubs', 'states'] as const;

/** Those that neither stop a process nor need one of another kind, or settings that this one has not. */
function isFit({ store, descriptors, endsServers, env }: Attack, choice: Choice): boolean {
  if (store === 'apart' || descriptors !== undefined || endsServers) return false;
  const { MAX_CHANGE_BYTES, MAX_STREAMS } = env?.('small') ?? {};
  return choice === 'largest' ? true : Number(MAX_CHANGE_BYTES ?? 0) <= 1024 || MAX_STREAMS !== undefined;
}

const reducers = 'stateful=tally,renewed=latest,*=log';

export async function siege({ choice, forMs, random }: Siege): Promise<Outcome> {
  const env = { ...environmentOf(choice), REDUCERS: reducers, STREAM_STALL_MS: '5000', DRAIN_MS: '500' };
  await using ground = await prepareGround({ store: 'redis', choice, env });
  const [server] = ground.servers;
  const fit = attacks.filter((attack) => isFit(attack, choice));
  await using good = new Child(new URL('good-process.ts', import.meta.url));
  const tell = <T>(question: GoodQuestion, timeoutMs = OPEN_MS) => good.ask<T>(question, timeoutMs);
  await tell({ step: 'open', target: ground.target });
  await tell({ step: 'begin' });
  const beforeBytes = residentBytes(server!.pid);
  const startedMs = performance.now();
  let isGone = false;
  let attempted = 0;
  void server!.exited.then(() => {
    isGone = true;
  });
  const left = () => forMs - (performance.now() - startedMs);

  async function attackOnce(): Promise<void> {
    const attack = random.pick(fit);
    const size: Size = random.int(FULL) === 0 ? 'full' : 'small';
    const timeMs = Math.min(LEAST_MS + random.int(MOST_MS - LEAST_MS), left());
    attempted++;
    await using attacker = new Child(new URL('attacker.ts', import.meta.url), [attack.name]);
    const drive = { target: ground.target, size };
    // Whatever it gets, and wherever it is when its time is up: what counts is how the others fare.
    const fight = async () => {
      await attacker.ask({ step: 'prepare', drive }, timeMs);
      await attacker.ask({ step: 'drive', drive }, timeMs);
    };
    await Promise.race([fight().catch(() => {}), sleep(timeMs, undefined, { ref: false })]);
  }

  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left() > 0 && !isGone) await attackOnce();
    }),
  );
  const felt = await tell<Measured>({ step: 'end' }, END_MS);
  await tell({ step: 'close' });
  const { boundBytes } = boundOf(ground.config, AT_REST, 0, beforeBytes);
  const isBack = () => isGone || residentBytes(server!.pid) <= boundBytes;
  const failures: string[] = [];
  await waitFor(isBack, { timeoutMs: REST_MS, everyMs: 500, what: 'memory to come back' }).catch(() => {
    failures.push(`memory is ${mib(residentBytes(server!.pid))} MiB at rest, ${mib(boundBytes)} are the most`);
  });
  if (isGone) failures.push(`the server has ended:\n${server!.output().slice(-2_000)}`);
  const failed = Object.values(felt.failures).reduce((sum, count) => sum + count, 0);
  const figures = {
    attacks: attempted,
    'before, MiB': mib(beforeBytes),
    'peak, MiB': mib(peakBytes(server!.pid)),
    'at rest, MiB': mib(residentBytes(server!.pid)),
    'standstill, ms': Math.round(felt.standstillMs),
    'event p50/p99/max, ms': [felt.events.p50Ms, felt.events.p99Ms, felt.events.maxMs].map(Math.round).join('/'),
    'POST p99/max, ms': [felt.posts.p99Ms, felt.posts.maxMs].map(Math.round).join('/'),
    'good, tries': felt.attempts,
    'good, failures': Object.entries(felt.failures)
      .map(([what, count]) => `${count} × ${what}`)
      .join('; '),
  };
  return { figures, failures, attempts: felt.attempts, failed };
}

function mib(bytes: number): number {
  return Math.round(bytes / (1 << 20));
}
