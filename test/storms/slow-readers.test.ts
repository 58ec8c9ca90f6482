/**
 * Readers that never read, beside as many that do: what they do not take costs the server nothing but their positions, and
 * those who read neither miss anything nor wait longer (P21).
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { quantile } from '../../loadtest/measures/quantile.ts';
import { startServer } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';
import { isLong, metric, openStreams, residentBytesOf } from './kit.ts';
import { CHANGE_BYTES, GoodReader, openBadReader, Publisher } from './readers.ts';

const READERS = isLong ? 500 : 20;
const channels = Array.from({ length: READERS / 10 }, (_, i) => `room-${i}`);
/** 200 a channel. */
const CHANGES_PER_SECOND = isLong ? 1000 : 400;
/** Until histories and rings are as large as they get; later, until all of the bad are full. */
const WARM_UP_S = isLong ? 40 : 3;
const FILLING_S = isLong ? 60 : 6;
/**
 * What is compared are windows: before the bad come, while they are full, and after they have gone, for a machine is not equally
 * fast for minutes. Of each kind of window the median counts, so that one in which the clients collected garbage does not.
 */
const WINDOW_S = isLong ? 20 : 3;
const WINDOWS_WITHOUT = isLong ? 3 : 1;
const WINDOWS_FULL = isLong ? 6 : 1;
const GROWTH_MAX_BYTES = 64 << 20;
/** On a machine that does ten things, seconds say little about a tail: there only a collapse is looked for. */
const p99Max = (withoutMs: number) => (isLong ? 1.3 * withoutMs : Math.max(5000, 3 * withoutMs));

const env = {
  MAX_CHANGE_BYTES: String(CHANGE_BYTES),
  RING_MAX_BYTES: String(16 << 20),
  // Nobody is sent away in the middle of the measurement: what a full connection costs is the question.
  STREAM_STALL_MS: '600000',
};

interface Phase {
  readonly p99Ms: number;
  /** Events the server has written to streams, a second. */
  readonly deliveries: number;
}

describe('readers that never read', () => {
  it(`${READERS} of them beside ${READERS} that do, ${CHANGES_PER_SECOND} changes a second`, async (t) => {
    await using server = await startServer({ env });
    const good = Array.from({ length: READERS }, (_, i) => new GoodReader(server.port, channelOf(i)));
    await waitFor(async () => (await openStreams(server)) === READERS, { what: 'the good readers to be open' });
    const publisher = new Publisher(server.url, channels);
    let expected = 0;

    async function phase(seconds: number): Promise<Phase> {
      const before = await metric(server, 'smallchange_deliveries_total');
      expected += await publisher.publish(CHANGES_PER_SECOND, seconds);
      await waitFor(() => good.every(({ events }) => events >= expected), {
        timeoutMs: 60_000,
        what: () => `${expected} events; the least has ${Math.min(...good.map(({ events }) => events))}`,
      });
      const deliveries = ((await metric(server, 'smallchange_deliveries_total')) - before) / seconds;
      const takenMs = good.flatMap((reader) => reader.taken());
      return { p99Ms: quantile(takenMs, 0.99), deliveries };
    }

    async function windows(count: number): Promise<Phase[]> {
      const phases: Phase[] = [];
      while (phases.length < count) phases.push(await phase(WINDOW_S));
      return phases;
    }

    await phase(WARM_UP_S);
    const before = await windows(WINDOWS_WITHOUT);
    const residentBefore = residentBytesOf(server);
    const bad = Array.from({ length: READERS }, (_, i) => openBadReader(server.port, channelOf(i)));
    await waitFor(async () => (await openStreams(server)) === 2 * READERS, { what: 'the bad readers to be open' });
    await phase(FILLING_S);
    const full = await windows(WINDOWS_FULL);
    const grown = residentBytesOf(server) - residentBefore;
    for (const socket of bad) socket.destroy();
    await waitFor(async () => (await openStreams(server)) === READERS, { what: 'the bad readers to be gone' });
    const after = await windows(WINDOWS_WITHOUT);

    const [without, withBad] = [medianOf([...before, ...after]), medianOf(full)];
    const written = (phases: readonly Phase[]) => phases.map(({ p99Ms }) => p99Ms.toFixed(1)).join(' ');
    t.diagnostic(`good readers' p99, ms: ${written(before)} | with the bad ${written(full)} | ${written(after)}`);
    t.diagnostic(`medians ${without.p99Ms.toFixed(1)} without, ${withBad.p99Ms.toFixed(1)} with the bad`);
    t.diagnostic(
      `memory +${(grown / 2 ** 20).toFixed(1)} MB; deliveries/s ${without.deliveries} and ${withBad.deliveries}`,
    );
    assert.ok(withBad.deliveries < 1.2 * without.deliveries, 'the bad readers were not full: nothing was tested');
    assert.ok(grown < GROWTH_MAX_BYTES, `memory grew by ${grown} bytes`);
    assert.ok(withBad.p99Ms <= p99Max(without.p99Ms), `p99 ${without.p99Ms} ms became ${withBad.p99Ms} ms`);
    for (const { events } of good) assert.equal(events, expected);

    for (const { socket } of good) socket.destroy();
    await waitFor(async () => (await openStreams(server)) === 0, { what: 'all streams to be gone' });
    await publisher.close();
  });
});

function channelOf(reader: number): string {
  return channels[reader % channels.length]!;
}

function medianOf(phases: readonly Phase[]): Phase {
  const median = (figure: (phase: Phase) => number) => quantile(phases.map(figure), 0.5);
  return { p99Ms: median(({ p99Ms }) => p99Ms), deliveries: median(({ deliveries }) => deliveries) };
}
