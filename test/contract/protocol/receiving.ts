/** A stream from its head to its end: first frames, what follows them, silence (P2, P10–P12, P14, P15). */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { openSse } from '../../support/sse.ts';
import { waitFor } from '../../support/wait.ts';
import { HEARTBEAT_MS, isEvent, type Kit, newChannel } from './kit.ts';

export function receivingTests(kit: Kit): void {
  const { it } = kit;

  it('P10: the head forbids to store, to buffer and to change, and nothing is compressed', async () => {
    await using reader = await openSse(`${kit.streamUrl()}/c/${newChannel()}/events`, {
      headers: { 'accept-encoding': 'gzip, br, deflate, zstd' },
    });
    assert.equal(reader.status, 200);
    assert.match(reader.headers['content-type']!, /^text\/event-stream/);
    assert.equal(reader.headers['cache-control'], 'no-store, no-transform');
    assert.equal(reader.headers['x-accel-buffering'], 'no');
    assert.equal(reader.headers['x-content-type-options'], 'nosniff');
    assert.equal(reader.headers['content-encoding'], undefined);
    assert.equal(reader.headers['content-length'], undefined);
  });

  it('P10: retry is in the first frame, random for each stream, from half to one and a half of what is asked for', async () => {
    const channel = newChannel();
    const streams = await Promise.all(Array.from({ length: 12 }, () => kit.live(channel)));
    const retries = streams.map(({ frame }) => frame.retry!);
    for (const { reader } of streams) reader.close();
    for (const retry of retries) assert.ok(Number.isInteger(retry) && retry > 0, String(retry));
    const [least, most] = [Math.min(...retries), Math.max(...retries)];
    assert.ok(most > least, 'not the same for all');
    assert.ok(most <= 3 * least + 3, `${least} to ${most}`);
  });

  it('P10: in silence a comment comes after every heartbeatMs', async () => {
    const startedMs = performance.now();
    const { reader, sync } = await kit.live(newChannel());
    await using _ = reader;
    assert.equal(sync.heartbeatMs, HEARTBEAT_MS);
    for (let i = 1; i <= 3; i++) {
      const frame = await reader.next(() => true, 10 * HEARTBEAT_MS);
      assert.deepEqual(frame, { id: undefined, event: 'message', data: undefined, retry: undefined, comments: [''] });
      const tookMs = performance.now() - startedMs;
      assert.ok(tookMs >= i * HEARTBEAT_MS - 20, `${i} within ${tookMs} ms`);
    }
  });

  it('P10: where events keep coming there are none', async () => {
    for (;;) {
      const channel = newChannel();
      const { reader } = await kit.live(channel);
      await using _ = reader;
      const before = reader.frames.length;
      let longestMs = 0;
      for (let i = 0, lastMs = performance.now(); i < 30 && longestMs < HEARTBEAT_MS / 2; i++) {
        await kit.send(channel, String(i));
        await reader.next(isEvent);
        await sleep(HEARTBEAT_MS / 10);
        longestMs = Math.max(longestMs, performance.now() - lastMs);
        lastMs = performance.now();
      }
      // A machine that stood still for so long has made a silence: then once more.
      if (longestMs >= HEARTBEAT_MS / 2) continue;
      const comments = reader.frames.slice(before).flatMap((frame) => frame.comments);
      assert.ok(comments.length <= 1, 'at most the one that was due before the first event');
      return;
    }
  });

  it('P11: the first frame is $sync, and says where the channel is', async () => {
    const channel = newChannel();
    const empty = await kit.live(channel);
    empty.reader.close();
    assert.equal(empty.sync.status, 'fresh');
    assert.deepEqual(Object.keys(empty.sync.channels), [channel]);
    const before = empty.sync.channels[channel]!;
    assert.equal(before.status, 'fresh');
    assert.equal(before.oldest, before.head + 1);
    await kit.send(channel, 'a', 'b', 'c');
    await kit.settled(channel, 3);
    const after = (await kit.syncFor(channel)).channels[channel]!;
    assert.equal(after.head - after.oldest, 2);
    assert.ok(after.oldest > before.head);
  });

  it('P12: fresh is live from now on', async () => {
    const channel = newChannel();
    await kit.send(channel, 'old');
    await kit.settled(channel, 1);
    const { reader, sync } = await kit.live(channel);
    await using _ = reader;
    assert.equal(sync.status, 'fresh');
    await kit.send(channel, 'new');
    assert.equal((await reader.next()).data, 'new');
  });

  it('P12: resumed is everything after the cursor, counted, and then live', async () => {
    const channel = newChannel();
    await kit.send(channel, 'a', 'b', 'c');
    const events = await kit.settled(channel, 3);
    const { reader, sync } = await kit.live(channel, { lastEventId: events[0]!.id });
    await using _ = reader;
    const { head, oldest, ...counted } = sync.channels[channel]!;
    assert.deepEqual(counted, { status: 'resumed', missed: 2 });
    assert.equal(head - oldest, 2);
    assert.equal(sync.status, 'resumed');
    await kit.send(channel, 'd');
    assert.deepEqual(
      (await reader.take(3)).map(({ data }) => data),
      ['b', 'c', 'd'],
    );
  });

  it('P11: the outer status is the worst of the channels', async () => {
    const [a, b] = [newChannel(), newChannel()];
    const { reader, frame } = await kit.live(`${a},${b}`);
    reader.close();
    const sync = await kit.syncFor(`${a},${b}`, { lastEventId: frame.id! });
    assert.deepEqual(
      [sync.status, ...Object.values(sync.channels).map(({ status }) => status)],
      ['resumed', 'resumed', 'resumed'],
    );
    assert.deepEqual(Object.keys(sync.channels), [a, b]);
    const reset = await kit.syncFor(`${a},${b}`, { lastEventId: 'nonsense' });
    assert.equal(reset.status, 'reset');
  });

  it('P14: every event has an id of its own, and of the control frames only the last before the first event', async () => {
    const channel = newChannel('latest');
    await kit.send(channel, 'before');
    await kit.settled(channel, 1);
    for (const [query, control] of [
      ['', ['$sync']],
      ['snapshot=1', ['$sync', '$snapshot']],
      ['since=nonsense', ['$sync', '$snapshot']],
    ] as const) {
      const reader = await kit.stream(channel, { query });
      await using _ = reader;
      const frames = await reader.take(control.length);
      assert.deepEqual(
        frames.map(({ event }) => event),
        control,
      );
      assert.deepEqual(
        frames.map(({ id }) => id !== undefined),
        control.map((_name, i) => i === control.length - 1),
      );
      await kit.send(channel, 'a', 'b');
      const events = await reader.take(2);
      const ids = [frames.at(-1)!, ...events].map(({ id }) => id!);
      for (const id of ids) assert.match(id, /^[A-Za-z0-9._~-]{1,128}$/);
      assert.equal(new Set(ids).size, 3);
    }
  });

  it('P14: who was cut off before the first event comes back to where it began', async () => {
    const channel = newChannel();
    const { reader, frame } = await kit.live(channel);
    reader.close();
    await kit.send(channel, 'a', 'b');
    const again = await kit.live(channel, { lastEventId: frame.id! });
    await using _ = again.reader;
    assert.equal(again.sync.status, 'resumed');
    assert.deepEqual(
      (await again.reader.take(2)).map(({ data }) => data),
      ['a', 'b'],
    );
  });

  it('P15: all readers see the very same, on whichever server', async () => {
    const channel = newChannel();
    const places = [kit.streamUrl(), kit.otherStreamUrl(), kit.streamUrl(), kit.otherStreamUrl()];
    const streams = await Promise.all(places.map((at) => kit.live(channel, { at })));
    await Promise.all(Array.from({ length: 200 }, (_, i) => kit.send(channel, String(i))));
    const seen = await Promise.all(streams.map(({ reader }) => reader.take(200)));
    for (const frames of seen) assert.deepEqual(frames, seen[0]);
    assert.equal(new Set(seen[0]!.map(({ data }) => data)).size, 200);
    for (const { reader } of streams) reader.close();
  });

  it('P2: listening to a channel, or asking for it, creates nothing', async () => {
    const channel = newChannel();
    const { reader } = await kit.live(channel);
    await kit.poll(channel);
    await kit.state(channel);
    assert.deepEqual((await kit.history(channel)).events, []);
    reader.close();
  });

  it('P15: a reader that goes away leaves the others alone', async () => {
    const channel = newChannel();
    const { reader } = await kit.live(channel);
    await using _ = reader;
    for (let i = 0; i < 20; i++) {
      const other = await kit.live(channel);
      await kit.send(channel, String(i));
      other.reader.close();
      assert.equal((await reader.next()).data, String(i));
    }
    await waitFor(() => reader.frames.filter(isEvent).length === 20, { what: 'twenty events' });
  });
}
