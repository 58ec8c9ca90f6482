/**
 * Attach, replay, publish, gap, resubscribe, in every order a scheduler can think of: the gateway's own parts (hub,
 * audience, stream, catch-up) over a store whose every answer may be early or late.
 *
 * Property (I4, I5, I10): what a stream is given is contiguous from where it began, without a repeat, or it is told another
 * place to go on from, and is what the store has (I5); and when nothing happens any more it is at the head. `INTERLEAVINGS=50000` for the long run.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc, { type Scheduler } from 'fast-check';
import { cursorPrefix } from '../../src/domain/cursor.ts';
import { Audience } from '../../src/gateway/audience/audience.ts';
import { catchUp } from '../../src/gateway/audience/catchup.ts';
import { createSoon } from '../../src/gateway/audience/soon.ts';
import { Hub } from '../../src/gateway/hub/hub.ts';
import { Stream, type StreamOwner } from '../../src/gateway/stream/stream.ts';
import { createTurns } from '../../src/gateway/turns.ts';
import { createMetrics } from '../../src/metrics.ts';
import { noRest } from '../support/gateway-parts.ts';
import { bareFormat, Listener } from './interleavings/listener.ts';
import { ScheduledLog } from './interleavings/scheduled-log.ts';

const RUNS = Number(process.env.INTERLEAVINGS ?? 600);
const CHANNEL = 'room';
const metrics = createMetrics();

type Action =
  | { readonly do: 'commit'; readonly count: number }
  /** A stream comes from so far behind the head; takes so many writes at a time. */
  | { readonly do: 'join'; readonly behind: number; readonly patience: number }
  | { readonly do: 'cut' | 'mend' | 'turn' | 'shrink' | 'renew' }
  | { readonly do: 'rewind'; readonly count: number };

const count = fc.integer({ min: 1, max: 3 });
const only = <T extends Action['do']>(...names: T[]) => fc.constantFrom(...names.map((name) => ({ do: name })));
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('commit' as const), count }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('join' as const),
      behind: fc.integer({ min: 0, max: 4 }),
      patience: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 3, arbitrary: only('cut', 'mend', 'mend', 'turn', 'shrink') as fc.Arbitrary<Action> },
  { weight: 1, arbitrary: only('renew') as fc.Arbitrary<Action> },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rewind' as const), count }) },
);

const immediate = () => new Promise<void>((resolve) => setImmediate(resolve));

interface Opened {
  readonly listener: Listener;
  readonly from: { readonly epoch: string; readonly offset: number };
}

/** A hub that was told `kept` looks again after a quarter of a second. */
const RETRY_MAX_MS = 2_000;

/** Runs the scheduler dry, with the event loop's own turns wherever the coins say; then waits for what has a timer. */
async function idle(scheduler: Scheduler, coins: readonly boolean[], isDone = () => true): Promise<void> {
  const beganMs = performance.now();
  let quietTurns = 0;
  for (let i = 0; quietTurns < 3; i++) {
    if (scheduler.count() > 0) {
      await scheduler.waitOne();
      quietTurns = 0;
      if (!coins[i % coins.length]) continue;
    }
    await immediate();
    if (scheduler.count() > 0) continue;
    if (isDone() || performance.now() - beganMs > RETRY_MAX_MS) quietTurns++;
  }
}

async function play(scheduler: Scheduler, actions: readonly Action[], coins: readonly boolean[]): Promise<void> {
  const log = new ScheduledLog(scheduler);
  log.commit(2);
  const errors: unknown[] = [];
  const deps = {
    engine: log.engine,
    account: () => undefined,
    onError: (_channel: string, error: unknown) => errors.push(error),
  };
  const hub = new Hub(CHANNEL, deps);
  await idle(scheduler, coins);
  const clock = { wallMs: () => 0, elapsedMs: () => 0 };
  const turns = createTurns(clock, noRest);
  const audience = new Audience([hub], bareFormat, 0, {
    ...{ clock, turns, soon: createSoon(clock, noRest), onDelivered: () => undefined },
    budget: { account: () => undefined, isSpent: false },
    onError: (error) => errors.push(error),
  });
  const opened: Opened[] = [];
  // Every event a portion, or all of them one.
  const catchUpDeps = { clock, metrics, turns, heartbeatMs: () => 1_000, portionBytes: coins[0] ? 1 : 1_000_000 };
  const owner: StreamOwner = {
    catchUp: (stream) => void catchUp(stream, catchUpDeps).catch((error: unknown) => errors.push(error)),
    closed: () => undefined,
    failed: (_stream, error) => errors.push(error),
    renewed: () => undefined,
    signedOut: () => undefined,
  };

  const act = (next: Action) => {
    switch (next.do) {
      case 'commit':
        return log.commit(next.count);
      case 'join': {
        const from = { epoch: hub.epoch, offset: Math.max(0, hub.head - next.behind) };
        const listener = new Listener(scheduler, next.patience);
        opened.push({ listener, from });
        return owner.catchUp(new Stream(listener, audience, [from], owner, 0));
      }
      case 'turn':
        return hub.suspect();
      case 'rewind':
        return log.rewind(next.count);
      case 'shrink':
        return hub.shrink();
      default:
        return log[next.do]();
    }
  };
  const acts = scheduler.scheduleSequence(
    actions.map((next) => ({ label: next.do, builder: async () => act(next) })),
  ).task;
  await idle(scheduler, coins);
  await acts;
  log.mend();
  await idle(scheduler, coins);
  // The hub's turn of comparing, which finds a lost last batch.
  hub.suspect();
  await idle(scheduler, coins, () => hub.head === log.head && opened.every((stream) => isAtHead(stream, log)));
  hub.close();

  assert.deepEqual(errors, []);
  for (const stream of opened) verify(stream, log);
}

/** A cursor names its epoch, whatever else may be in its prefix. */
const prefixOf = (epoch: string) => cursorPrefix([CHANNEL], [epoch]);

function isAtHead({ listener, from }: Opened, log: ScheduledLog): boolean {
  const { epoch, offset } = listener.heard.at(-1) ?? { epoch: prefixOf(from.epoch), offset: from.offset };
  return epoch === prefixOf(log.epoch) && offset === log.head;
}

function verify(stream: Opened, log: ScheduledLog): void {
  const { listener, from } = stream;
  const story = JSON.stringify({ from, heard: listener.heard });
  let at = { epoch: prefixOf(from.epoch), offset: from.offset };
  for (const { kind, epoch, offset } of listener.heard) {
    if (kind === 'event') assert.deepEqual({ epoch, offset }, { epoch: at.epoch, offset: at.offset + 1 }, story);
    at = { epoch, offset };
  }
  // In the epoch that is left, everybody was given what the store has (I5).
  const last = listener.heard.filter(({ kind, epoch }) => kind === 'event' && epoch === prefixOf(log.epoch));
  for (const { offset, seq } of last)
    assert.equal(seq, log.events[offset - 1]?.seq, `offset ${offset} differs: ${story}`);
  assert.ok(isAtHead(stream, log), `not at the head, ${prefixOf(log.epoch)} ${log.head}: ${story}`);
}

describe('interleavings of a gateway', () => {
  it(`keeps every stream contiguous and brings it to the head, in ${RUNS} schedules`, async () => {
    const arbitraries = [
      fc.scheduler(),
      fc.array(action, { minLength: 1, maxLength: 14 }),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }),
    ] as const;
    await fc.assert(fc.asyncProperty(...arbitraries, play), {
      numRuns: RUNS,
      includeErrorInReport: true,
      endOnFailure: process.env.SHRINK === 'no',
    });
  });
});
