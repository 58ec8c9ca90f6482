/**
 * What is promised under any attack, and whether it was kept. Machines differ by a factor of five and have other things to
 * do: times are compared with the quiet time of the same run, and a time that is small is right whatever that was.
 */
import type { Attack, Size } from './attack.ts';
import type { Weighed } from './scales.ts';
import type { Row, Seen } from './trial.ts';

const MIB = 1024 * 1024;
/** No good client waits for longer than this because of what a server does; beside other tests on a slow machine, than the first. */
const STANDSTILL_MS: Readonly<Record<Size, number>> = { small: 1_000, full: 250 };
/** Where the quiet time was slow itself. */
const STANDSTILL_FACTOR: Readonly<Record<Size, number>> = { small: 10, full: 3 };
/** An event may wait for two turns of the server's loop, a commit and its own way. */
const EVENT_MS: Readonly<Record<Size, number>> = { small: 2_000, full: 500 };
const EVENT_FACTOR = 10;
/** Where the connection that tells of them was lost (I10). */
const EVENT_AFTER_CUT_MS = 5_000;
/** Lines of a start and an end, and some warnings a second while a store is slow, on a machine on which that takes minutes. */
const LOG_BYTES = 512 * 1024;
/** What good clients count when the store is away for a moment. */
const STORE_AWAY: readonly string[] = ['POST answered 503', 'a poll answered 503'];
/** And when their connection was closed as an idle one just then. */
const CROSSED: readonly string[] = ['POST answered nothing', 'a poll answered nothing'];

export function judge(attack: Attack, size: Size, seen: Seen): Row {
  const { did, felt, weighed, errors, ended, logBytes } = seen;
  const failures = [...did.faults, ...ended];
  for (const each of weighed) if (each.peakBytes > each.boundBytes) failures.push(heavy(each));
  if (logBytes > (attack.logBytes ?? LOG_BYTES)) failures.push(`${logBytes} bytes of log`);
  if (errors.length > 0) failures.push(`${errors.length} lines at error, the first: ${errors[0]}`);
  const heaviest = weighed.reduce((a, b) => (a.peakBytes - a.boundBytes > b.peakBytes - b.boundBytes ? a : b));
  const memory = {
    'before, MiB': mib(heaviest.beforeBytes),
    'peak, MiB': mib(heaviest.peakBytes),
    'budget, MiB': mib(heaviest.budgetBytes),
    'bound, MiB': mib(heaviest.boundBytes),
  };
  const got = {
    'attacker got': Object.entries(did.figures)
      .map(([what, value]) => `${what}: ${value}`)
      .join('; '),
  };
  if (felt === null) return { figures: { ...memory, ...got }, failures };
  const { quiet, loaded } = felt;
  const standstillMax = Math.max(STANDSTILL_MS[size], STANDSTILL_FACTOR[size] * quiet.standstillMs);
  if (loaded.standstillMs > standstillMax) {
    failures.push(
      `stood still for ${Math.round(loaded.standstillMs)} ms, at most ${Math.round(standstillMax)} are promised`,
    );
  }
  const eventMax = Math.max(attack.cuts ? EVENT_AFTER_CUT_MS : EVENT_MS[size], EVENT_FACTOR * quiet.events.p99Ms);
  if (loaded.events.p99Ms > eventMax) {
    failures.push(
      `good clients' events p99 ${Math.round(loaded.events.p99Ms)} ms, quiet ${quiet.events.p99Ms.toFixed(1)}`,
    );
  }
  const postMax = Math.max(STANDSTILL_MS[size], STANDSTILL_FACTOR[size] * quiet.posts.maxMs);
  if (!attack.cuts && loaded.posts.maxMs > postMax) {
    failures.push(
      `a good client's POST took ${Math.round(loaded.posts.maxMs)} ms, at most ${Math.round(postMax)} are promised`,
    );
  }
  const failed = Object.values(loaded.failures).reduce((sum, count) => sum + count, 0);
  for (const [what, count] of Object.entries(loaded.failures)) {
    const isPromised =
      (attack.cuts === 'all' && STORE_AWAY.includes(what)) || (attack.cutsIdle && CROSSED.includes(what));
    if (!isPromised) failures.push(`good clients: ${count} × ${what}`);
  }
  return {
    figures: {
      ...memory,
      'standstill, ms': Math.round(loaded.standstillMs),
      '/healthz max, ms': Math.round(loaded.health.maxMs),
      'event p50/p99/max, ms': spread(loaded.events),
      'quiet p50/p99/max, ms': spread(quiet.events),
      'POST p99/max, ms': `${loaded.posts.p99Ms.toFixed(1)}/${Math.round(loaded.posts.maxMs)}`,
      'good, tries': loaded.attempts,
      'good, failures': failed,
      ...got,
    },
    failures,
  };
}

function mib(bytes: number): number {
  return Math.round(bytes / MIB);
}

function heavy({ pid, beforeBytes, peakBytes, boundBytes, budgetBytes }: Weighed): string {
  return `process ${pid} took ${mib(peakBytes)} MiB, from ${mib(beforeBytes)}; with a budget of ${mib(budgetBytes)} it may take ${mib(boundBytes)}`;
}

function spread({ p50Ms, p99Ms, maxMs }: { readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number }) {
  return `${p50Ms.toFixed(1)}/${p99Ms.toFixed(1)}/${Math.round(maxMs)}`;
}
