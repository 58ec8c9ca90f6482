/** Visits: no stream is silent for longer than it was told, whoever else comes; stalls and ages are seen in time (P10, P21, P22). */
import assert from 'node:assert/strict';
import { afterEach, it, mock } from 'node:test';
import type { Audience } from '../../src/gateway/audience/audience.ts';
import { Stream } from '../../src/gateway/stream/stream.ts';
import { createVisits, heartbeatMsFor, type VisitTimes } from '../../src/gateway/stream/visits.ts';
import { createWheel } from '../../src/gateway/stream/wheel.ts';
import { Client } from '../support/gateway-parts.ts';

const HEARTBEAT_MS = 100;
const STEP_MS = 5;
const defaults: VisitTimes = { heartbeatMs: HEARTBEAT_MS, streamStallMs: 30_000, streamMaxAgeMs: 0 };

/** Also where a test fails, or those that follow do as well. */
afterEach(() => mock.timers.reset());

/** Streams that are visited, and a time that passes when it is told to. */
function start(times: VisitTimes) {
  mock.timers.enable({ apis: ['setInterval', 'setImmediate'] });
  let nowMs = 1_000;
  const ended: string[] = [];
  const failures: unknown[] = [];
  const visits = createVisits({
    ...times,
    clock: { wallMs: () => 0, elapsedMs: () => nowMs },
    stalled: () => void ended.push(`stalled ${nowMs - 1_000}`),
    due(stream) {
      ended.push(`${stream.leavesFor} ${nowMs - 1_000}`);
      return false;
    },
    failed: (_stream, error) => void failures.push(error),
  });
  const audience = { format: { heartbeat: ':\n' } } as unknown as Audience;
  const owner = { catchUp: () => {}, closed: () => {}, failed: () => {}, renewed: () => {}, signedOut: () => {} };
  function add(transport: Client, streams: number, leavesMs = 0): Stream {
    const stream = new Stream(transport, audience, [], owner, nowMs);
    stream.heartbeatMs = heartbeatMsFor(streams, times.heartbeatMs);
    stream.leavesMs = leavesMs;
    visits.add(stream);
    return stream;
  }
  function pass(ms: number, each: () => void = () => {}): void {
    for (const endMs = nowMs + ms; nowMs < endMs; ) {
      nowMs += STEP_MS;
      mock.timers.tick(STEP_MS);
      each();
    }
  }
  const stop = () => {
    visits.close();
  };
  return { add, pass, stop, ended, failures, now: () => nowMs };
}

it('a stream that was told 100 ms hears something that often when thousands have come since', () => {
  const { add, pass, stop, now } = start(defaults);
  const first = new Client();
  const stream = add(first, 1);
  assert.equal(stream.heartbeatMs, HEARTBEAT_MS);
  const others = Array.from({ length: 5_000 }, (_, i) => add(new Client(), i));
  assert.equal(others.at(-1)!.heartbeatMs, 4_999);
  let longestMs = 0;
  pass(2_000, () => {
    longestMs = Math.max(longestMs, now() - stream.writtenMs);
  });
  stop();
  // Two ticks of a quarter, and the test's own step.
  assert.ok(longestMs <= 1.5 * HEARTBEAT_MS + STEP_MS, `silent for ${longestMs} ms`);
  assert.ok(first.writes >= 10);
});

it('heartbeats are never further apart than proxies allow, unless the setting says so', () => {
  assert.equal(heartbeatMsFor(1, 20_000), 20_000);
  assert.equal(heartbeatMsFor(30_000, 20_000), 30_000);
  assert.equal(heartbeatMsFor(1_000_000, 20_000), 40_000);
  assert.equal(heartbeatMsFor(1_000_000, 300_000), 300_000);
});

it('a stall is seen in the time of its setting, however far apart heartbeats are', () => {
  const { add, pass, stop, ended } = start({ ...defaults, heartbeatMs: 20_000, streamStallMs: 400 });
  const stuck = new Client();
  stuck.isStalled = () => true;
  add(stuck, 1);
  pass(1_500);
  stop();
  const [reason, atMs] = ended[0]!.split(' ');
  assert.equal(reason, 'stalled');
  assert.ok(Number(atMs) >= 400 && Number(atMs) <= 1_200, `after ${atMs} ms`);
});

it('an age is seen in the time of its setting', () => {
  const { add, pass, stop, ended } = start({ ...defaults, heartbeatMs: 20_000, streamMaxAgeMs: 1_000 });
  add(new Client(), 1, 2_000);
  add(new Client(), 1);
  pass(3_000);
  stop();
  assert.equal(ended.length, 1);
  const [reason, atMs] = ended[0]!.split(' ');
  assert.equal(reason, 'age');
  assert.ok(Number(atMs) >= 1_000 && Number(atMs) <= 1_600, `after ${atMs} ms`);
});

it('a stream that cannot be visited fails alone', () => {
  const { add, pass, stop, failures } = start(defaults);
  const broken = new Client();
  broken.write = () => {
    throw new Error('EPIPE');
  };
  add(broken, 1);
  const other = new Client();
  add(other, 1);
  pass(500);
  stop();
  assert.equal(failures.length, 1);
  assert.ok(other.writes >= 3);
});

it('of very many that are due at once a part is looked at, and then the loop has its turn', async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  let looked = 0;
  const wheel = createWheel<number>(10, 5, () => looked++);
  for (let i = 0; i < 3_000; i++) wheel.add(i, 0);
  mock.timers.tick(20);
  const perTurn = [looked];
  while (looked < 3_000) {
    const before = looked;
    await new Promise<void>((resolve) => setImmediate(resolve));
    perTurn.push(looked - before);
    assert.ok(perTurn.length < 100, 'some are never looked at');
  }
  wheel.close();
  assert.ok(Math.max(...perTurn) <= 512, `looked at in each turn: ${perTurn}`);
});
