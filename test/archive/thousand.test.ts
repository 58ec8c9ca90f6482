/** A thousand who come back to one position that is not kept any more, while changes arrive: each page of the archive is read once. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ArchiveReader } from '../../src/archive/archive.ts';
import { withArchive } from '../../src/archive/histories.ts';
import { withPageCache } from '../../src/archive/page-cache.ts';
import { systemClock } from '../../src/clock.ts';
import { cursorOf } from '../../src/domain/cursor.ts';
import type { Event } from '../../src/domain/event.ts';
import { event } from '../contract/engine/kit.ts';
import { startHttpGateway } from '../support/http-gateway.ts';
import { openSse } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';

const CLIENTS = 1_000;
const ARCHIVED = 700;
const KEPT = 100;
const LATER = 50;
const CHANNEL = 'room';

it('reads each page once for a thousand streams, and gives each all, in order', { timeout: 120_000 }, async () => {
  const all: Event[] = Array.from({ length: ARCHIVED }, (_, i) => event(i + 1, `${i + 1}`));
  const asked = new Map<number, number>();
  let epoch = '';
  const archive: ArchiveReader = {
    ready: async () => {},
    close: async () => {},
    async read(_channel, after, limit) {
      asked.set(after, (asked.get(after) ?? 0) + 1);
      await new Promise((resolve) => setTimeout(resolve, 20));
      return { log: { id: '1', epoch, base: 0, oldest: 1, head: ARCHIVED }, events: all.slice(after, after + limit) };
    },
  };
  const cached = withPageCache(archive, systemClock);
  await using gateway = await startHttpGateway(
    { maxStreams: CLIENTS, maxConnections: 2 * CLIENTS },
    (engine) => ({ ...engine, ...withArchive(engine, cached, assert.ifError) }),
    { historyMaxEvents: KEPT },
  );
  const { bench, http } = gateway;
  await bench.commit(0, [{ channel: CHANNEL, events: all }]);
  ({ epoch } = await bench.bounds(CHANNEL));
  const marks = [{ channel: CHANNEL, from: 1, offset: ARCHIVED }];
  await bench.engine.markArchived(0, { epoch, rev: 1, marks, backlogMaxBytes: 1 << 20 });

  const cursor = cursorOf(CHANNEL, { epoch, offset: 50 });
  const next = Array.from({ length: CLIENTS }, () => 51);
  const streams = await Promise.all(
    next.map((_, i) =>
      openSse(`${http.url}/c/${CHANNEL}/events`, {
        headers: { 'Last-Event-ID': cursor },
        onFrame({ event: type, data }) {
          if (type !== 'message' || data === undefined) return;
          assert.equal(data, `${next[i]}`);
          next[i]!++;
        },
      }),
    ),
  );
  for (let i = 1; i <= LATER; i++) await bench.put(CHANNEL, `${ARCHIVED + i}`);
  await waitFor(() => next.every((each) => each === ARCHIVED + LATER + 1), {
    what: () => `all to have all: ${next.filter((each) => each <= ARCHIVED + LATER).length} have not`,
  });
  assert.ok(asked.size >= 2, 'there are several pages');
  for (const [after, times] of asked) assert.equal(times, 1, `the page after ${after} was read ${times} times`);
  for (const stream of streams) stream.close();
});
