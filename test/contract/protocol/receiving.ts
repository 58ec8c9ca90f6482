/** A stream from its head to its end: first frames, what follows them, several channels, silence (P9–P12, P14–P16, P23). */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openSse } from '../../support/sse.ts';
import { waitFor } from '../../support/wait.ts';
import { envelopeOf, HEARTBEAT_MS, isEvent, isNamed, type Kit, newChannel, type StateView, syncOf } from './kit.ts';

export function receivingTests(kit: Kit): void {
  it('P10: the head forbids to store, to buffer and to change, and nothing is compressed', async () => {
    await using reader = await openSse(`${kit.streamUrl()}/c/${newChannel()}/events`, {
      headers: { 'accept-encoding': 'gzip, br, deflate, zstd' },
    });
    assert.equal(reader.status, 200);
    assert.match(reader.headers['content-type']!, /^text\/event-stream/);
    assert.equal(reader.headers['cache-control'], 'no-store, no-transform');
    assert.equal(reader.headers['x-accel-buffering'], 'no');
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
    const channel = newChannel();
    const { reader } = await kit.live(channel);
    await using _ = reader;
    for (;;) {
      const before = reader.frames.length;
      let longestMs = 0;
      for (let i = 0, lastMs = performance.now(); i < 30; i++) {
        await kit.send(channel, String(i));
        await reader.next(isEvent);
        await sleep(HEARTBEAT_MS / 10);
        longestMs = Math.max(longestMs, performance.now() - lastMs);
        lastMs = performance.now();
      }
      // A machine that stood still for so long has made a silence: then once more.
      if (longestMs > HEARTBEAT_MS / 2) continue;
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

  it('P16: with one channel and no with=, data is the change and the type is message', async () => {
    const channel = newChannel();
    const { reader } = await kit.live(channel);
    await using _ = reader;
    assert.equal((await kit.post(channel, '{"a":1}', { from: 'a.1', seq: 1 })).status, 204);
    const { id, ...frame } = await reader.next();
    assert.deepEqual(frame, { event: 'message', data: '{"a":1}', retry: undefined, comments: [] });
    assert.match(
      reader.text(),
      new RegExp(`\n\nid: ${id}\ndata: {"a":1}\n\n(:\n\n)*$`),
      'and nothing else is on the wire',
    );
  });

  it('P16: with= makes an envelope of exactly what was asked for and is known', async () => {
    const channel = newChannel();
    const wishes = ['from', 'seq', 'at', 'from,seq', 'at,from', 'seq,at,from'];
    const streams = await Promise.all(wishes.map((wish) => kit.live(channel, { query: `with=${wish}` })));
    const beforeMs = Date.now();
    assert.equal((await kit.post(channel, 'x', { from: 'a.1', seq: 5 })).status, 204);
    assert.equal((await kit.post(channel, 'y', { from: 'a.1' })).status, 204);
    await kit.send(channel, 'z');
    for (const [i, { reader }] of streams.entries()) {
      const fields = wishes[i]!.split(',');
      const known = [{ from: 'a.1', seq: 5 }, { from: 'a.1' }, {}];
      for (const [j, frame] of (await reader.take(3)).entries()) {
        assert.equal(frame.event, 'message');
        const { at, ...rest } = envelopeOf(frame);
        const asked = Object.entries(known[j]!).filter(([name]) => fields.includes(name));
        assert.deepEqual(rest, { ...Object.fromEntries(asked), data: 'xyz'[j] });
        if (fields.includes('at')) assert.ok(at! >= beforeMs - 1000 && at! <= Date.now() + 1000, String(at));
        else assert.equal(at, undefined);
      }
      reader.close();
    }
  });

  it('P16: with several channels every event says which it is of, and each is in order', async () => {
    const channels = Array.from({ length: 16 }, () => newChannel());
    const { reader, sync } = await kit.live(channels.join(','));
    await using _ = reader;
    assert.deepEqual(Object.keys(sync.channels), channels);
    await Promise.all(channels.map((channel) => kit.send(channel, '1', '2', '3')));
    const envelopes = (await reader.take(48)).map(envelopeOf);
    for (const channel of channels) {
      assert.deepEqual(
        envelopes.filter((envelope) => envelope.channel === channel),
        ['1', '2', '3'].map((data) => ({ channel, data })),
      );
    }
  });

  it('P23: snapshot=1 begins with the state, and the events after exactly that follow', async () => {
    const channel = newChannel('tally');
    const sending = Promise.all(Array.from({ length: 10 }, () => kit.send(channel, ...'aabab'.repeat(4))));
    await kit.settled(channel, 20);
    const reader = await kit.stream(channel, { query: 'snapshot=1' });
    await using _ = reader;
    assert.equal(syncOf(await reader.next()).status, 'fresh');
    const frame = await reader.next();
    assert.equal(frame.event, '$snapshot');
    const snapshot = JSON.parse(frame.data!) as StateView & { channel: string };
    assert.equal(snapshot.channel, channel);
    assert.equal(snapshot.cursor, frame.id);
    const tally = { a: Number(snapshot.state.a ?? 0), b: Number(snapshot.state.b ?? 0) };
    await sending;
    while (tally.a + tally.b < 200) tally[(await reader.next(isEvent)).data as 'a' | 'b']++;
    assert.deepEqual(tally, { a: 120, b: 80 });
    assert.deepEqual((await kit.state(channel)).state, { a: '120', b: '80' });
  });

  it('P23: a state above 16 KiB is told by its address', async () => {
    const channel = newChannel('latest');
    for (let i = 0; i < 20; i++) {
      assert.equal((await kit.post(channel, 'v'.repeat(1000), { from: `p${i}.1`, seq: 1 })).status, 204);
    }
    await kit.settled(channel, 20);
    const reader = await kit.stream(channel, { query: 'snapshot=1' });
    await using _ = reader;
    const data = JSON.parse((await reader.next(isNamed('$snapshot'))).data!) as { snapshotUrl: string; cursor: string };
    assert.equal('state' in data || 'b64' in data, false);
    const answer = await kit.get(data.snapshotUrl);
    assert.equal(Object.keys(answer.json<StateView>().state).length, 20);
    assert.equal(answer.json<StateView>().cursor, data.cursor);
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
