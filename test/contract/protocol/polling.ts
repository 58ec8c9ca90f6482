/** Polling: the same events for those who cannot hold a stream, an answer at a time (P18). */
import assert from 'node:assert/strict';
import { shownOf } from '../../../loadtest/ledger/shown-from.ts';
import { bytesOf, type Envelope, type Kit, newChannel } from './kit.ts';

export function pollingTests(kit: Kit): void {
  const { it } = kit;

  it('P18: without a cursor the answer tells where now is', async () => {
    const channel = newChannel();
    await kit.send(channel, 'old');
    const [old] = await kit.settled(channel, 1);
    const page = await kit.poll(channel);
    assert.deepEqual(page, { cursor: old!.id, status: 'fresh', events: [], more: false });
    assert.deepEqual(await kit.poll(channel, 'since='), page);
    assert.deepEqual(await kit.poll(channel, 'since=now'), page);
  });

  it('P18: with one it has what came since, and the cursor to go on with', async () => {
    const channel = newChannel();
    const now = await kit.poll(channel);
    await kit.send(channel, 'a', 'b');
    const [a, b] = await kit.settled(channel, 2);
    const expected = {
      cursor: b!.id,
      status: 'resumed',
      events: [
        { id: a!.id, data: 'a' },
        { id: b!.id, data: 'b' },
      ],
      more: false,
    };
    assert.deepEqual(await kit.poll(channel, `since=${now.cursor}`), expected);
    assert.deepEqual(await kit.poll(channel, '', { 'last-event-id': now.cursor }), expected);
    const none = await kit.poll(channel, `since=${b!.id}`);
    assert.deepEqual(none, { cursor: b!.id, status: 'resumed', events: [], more: false });
  });

  it('P18: the answer is not stored by anybody', async () => {
    const answer = await kit.get(`/c/${newChannel()}/events?format=json`);
    assert.match(answer.headers['cache-control']!, /\bno-store\b/);
  });

  it('P18: wait answers as soon as something comes', async () => {
    const channel = newChannel();
    const { cursor } = await kit.poll(channel);
    const started = performance.now();
    const waiting = Array.from({ length: 5 }, () => kit.poll(channel, `since=${cursor}&wait=25&with=from`));
    // Those who ask only once it is there get it at once.
    assert.equal((await kit.post(channel, 'x', { from: 'a.1', seq: 1 })).status, 204);
    for (const page of await Promise.all(waiting)) {
      assert.deepEqual([page.status, page.more], ['resumed', false]);
      const [{ id, ...event } = {} as Envelope] = page.events;
      assert.deepEqual(event, { from: shownOf('a.1'), data: 'x' });
      assert.equal(page.cursor, id);
    }
    assert.ok(performance.now() - started < 24_000);
  });

  it('P18: wait ends without anything after so many seconds', async () => {
    const channel = newChannel();
    await kit.send(channel, 'old');
    await kit.settled(channel, 1);
    const { cursor } = await kit.poll(channel);
    const started = performance.now();
    const page = await kit.poll(channel, `since=${cursor}&wait=1`);
    const tookMs = performance.now() - started;
    assert.deepEqual(page, { cursor, status: 'resumed', events: [], more: false });
    assert.ok(tookMs >= 990 && tookMs < 20_000, `${tookMs} ms`);
  });

  it('P18: a reset is answered at once, with snapshots', async () => {
    const channel = newChannel('latest');
    assert.equal((await kit.post(channel, 'x', { from: 'ann.1', seq: 1 })).status, 204);
    await kit.settled(channel, 1);
    const page = await kit.poll(channel, 'since=nonsense&wait=20');
    assert.deepEqual([page.status, page.events, page.more], ['reset', [], false]);
    assert.deepEqual(page.snapshots, [{ channel, cursor: page.cursor, state: { ann: 'x' }, b64: {} }]);
    const fresh = await kit.poll(channel, 'snapshot=1');
    assert.deepEqual([fresh.status, fresh.snapshots], ['fresh', page.snapshots]);
  });

  it('P18: at most 500 events an answer, and with the cursors exactly all', async () => {
    const [one, other] = [newChannel(), newChannel()];
    await kit.sendMany(one, 590);
    await kit.sendMany(other, 530);
    const seen: Envelope[] = [];
    let since = 'earliest';
    for (const [count, more] of [
      [500, true],
      [500, true],
      [120, false],
    ] as const) {
      const page = await kit.poll(`${one},${other}`, `since=${since}`);
      assert.deepEqual([page.status, page.events.length, page.more], ['resumed', count, more]);
      assert.equal(page.events.at(-1)!.id, page.cursor);
      seen.push(...page.events);
      since = page.cursor;
    }
    for (const channel of [one, other]) {
      const polled = seen.filter((event) => event.channel === channel).map((event) => bytesOf(event).toString());
      assert.deepEqual(
        polled,
        (await kit.everything(channel)).map((event) => bytesOf(event).toString()),
      );
    }
    const none = await kit.poll(`${one},${other}`, `since=${since}`);
    assert.deepEqual([none.events.length, none.more, none.cursor], [0, false, since]);
  });

  it('P18: a stream goes on where a poll left off, and the other way round', async () => {
    const channel = newChannel();
    const { cursor } = await kit.poll(channel);
    await kit.send(channel, 'a');
    const first = await kit.live(channel, { lastEventId: cursor });
    const { id, data } = await first.reader.next();
    assert.equal(data, 'a');
    first.reader.close();
    await kit.send(channel, 'b');
    const page = await kit.poll(channel, `since=${id}&wait=5`);
    assert.deepEqual(
      page.events.map((event) => event.data),
      ['b'],
    );
  });
}
