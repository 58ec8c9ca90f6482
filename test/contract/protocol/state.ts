/** State and history: the folded value of a channel, what changed of it, and the events that are kept (P24, P25). */
import assert from 'node:assert/strict';
import { shownOf } from '../../../loadtest/ledger/shown-from.ts';
import { HISTORY_MAX_EVENTS, type Kit, newChannel } from './kit.ts';

export function stateTests(kit: Kit): void {
  const { it } = kit;

  const publish = async (channel: string, from: string, seq: number, body: string | Uint8Array) => {
    assert.equal((await kit.post(channel, body, { from, seq })).status, 204);
  };

  it('P24: of a channel that has none it is empty, and has a cursor that a stream resumes from', async () => {
    const channel = newChannel();
    const empty = await kit.state(channel);
    assert.deepEqual([empty.complete, empty.state, empty.b64], [true, {}, {}]);
    await kit.send(channel, 'a');
    const [a] = await kit.settled(channel, 1);
    const after = await kit.state(channel);
    assert.deepEqual([after.cursor, after.state], [a!.id, {}], 'log keeps events, not state');
    const { reader, sync } = await kit.live(channel, { lastEventId: empty.cursor });
    assert.equal(sync.status, 'resumed');
    assert.equal((await reader.next()).data, 'a');
    reader.close();
  });

  it('P24: latest keeps the newest change of each publisher, by name without nonce', async () => {
    const channel = newChannel('latest');
    await publish(channel, 'ann.1', 1, 'old');
    await publish(channel, 'bob.1', 1, Buffer.of(0xff));
    await publish(channel, 'ann.2', 1, 'new');
    await kit.send(channel, 'nobody');
    const events = await kit.settled(channel, 4);
    assert.deepEqual(await kit.state(channel), {
      cursor: events.at(-1)!.id,
      complete: true,
      state: { ann: 'new', '-': 'nobody' },
      b64: { bob: '/w==' },
    });
  });

  it('P24: tally counts each value', async () => {
    const channel = newChannel('tally');
    await Promise.all([...'aabacab'].map((value) => kit.send(channel, value)));
    await kit.settled(channel, 7);
    assert.deepEqual((await kit.state(channel)).state, { a: '4', b: '2', c: '1' });
  });

  it('P24: since a cursor only what changed after it; since anything else all of it', async () => {
    const channel = newChannel('latest');
    const before = await kit.state(channel);
    await publish(channel, 'ann.1', 1, 'a');
    await publish(channel, 'bob.1', 1, 'b');
    await publish(channel, 'cyd.1', 1, Buffer.of(0x80));
    const [first, second, third] = await kit.settled(channel, 3);
    const changed = async (since: string) => {
      const { complete, state, b64, cursor } = await kit.state(channel, `?since=${since}`);
      assert.equal(cursor, third!.id);
      return { complete, state, b64 };
    };
    const all = { state: { ann: 'a', bob: 'b' }, b64: { cyd: 'gA==' } };
    assert.deepEqual(await changed(before.cursor), { complete: false, ...all });
    assert.deepEqual(await changed(first!.id), { complete: false, state: { bob: 'b' }, b64: { cyd: 'gA==' } });
    assert.deepEqual(await changed(second!.id), { complete: false, state: {}, b64: { cyd: 'gA==' } });
    assert.deepEqual(await changed(third!.id), { complete: false, state: {}, b64: {} });
    const [epoch, offset] = third!.id.split('.') as [string, string];
    const ahead = `${epoch}.${(Number.parseInt(offset, 36) + 5).toString(36)}`;
    for (const since of ['', 'nonsense', ahead, `zzzzzz.${offset}`, 'earliest', `${third!.id}.1`, 'x'.repeat(4_000)]) {
      assert.deepEqual(await changed(since), { complete: true, ...all }, since);
    }
  });

  it('P24: the cursor is the ETag, and asking with it is answered 304', async () => {
    const channel = newChannel('latest');
    await publish(channel, 'ann.1', 1, 'a');
    await kit.settled(channel, 1);
    const first = await kit.get(`/c/${channel}/state`);
    const etag = first.headers.etag!;
    assert.equal(etag, `"${first.json().cursor}"`);
    // RFC 9110 §13.1.2: a list, weak comparison, or any.
    for (const value of [etag, `W/${etag}`, `"x", ${etag}`, `${etag}, "x"`, '*']) {
      const again = await kit.get(`/c/${channel}/state`, { 'if-none-match': value });
      assert.equal(again.status, 304, value);
      assert.equal(again.body.length, 0);
      assert.equal(again.headers.etag, etag);
    }
    for (const value of ['"x"', etag.slice(1, -1), '']) {
      assert.equal((await kit.get(`/c/${channel}/state`, { 'if-none-match': value })).status, 200, value);
    }
    await publish(channel, 'ann.1', 2, 'b');
    await kit.settled(channel, 2);
    const changed = await kit.get(`/c/${channel}/state`, { 'if-none-match': etag });
    assert.equal(changed.status, 200);
    assert.notEqual(changed.headers.etag, etag);
  });

  it('P24: state and stream fit together: from its cursor exactly what it lacks follows', async () => {
    const channel = newChannel('latest');
    await publish(channel, 'ann.1', 1, 'a');
    await kit.settled(channel, 1);
    const { cursor } = await kit.state(channel);
    await publish(channel, 'bob.1', 1, 'b');
    const { reader, sync } = await kit.live(channel, { lastEventId: cursor });
    assert.equal(sync.status, 'resumed');
    assert.equal((await reader.next()).data, 'b');
    reader.close();
  });

  it('P25: history is all that is kept, oldest first, with every field that is known', async () => {
    const channel = newChannel();
    const beforeMs = Date.now() - 1000;
    await publish(channel, 'ann.1', 3, 'a');
    assert.equal((await kit.post(channel, 'b', { from: 'bob.1' })).status, 204);
    await kit.send(channel, Buffer.of(0xff));
    await kit.settled(channel, 3);
    const page = await kit.history(channel);
    const known = page.events.map(({ id, at, ...rest }) => {
      assert.ok(id && at! >= beforeMs && at! <= Date.now() + 1000);
      return rest;
    });
    assert.deepEqual(known, [
      { from: shownOf('ann.1'), seq: 3, data: 'a' },
      { from: shownOf('bob.1'), data: 'b' },
      { b64: '/w==' },
    ]);
    assert.deepEqual([page.status, page.more, page.cursor], ['resumed', false, page.events[2]!.id]);
  });

  it('P25: from a cursor what follows it; from anything else, all with the status reset', async () => {
    const channel = newChannel();
    await kit.send(channel, 'a', 'b', 'c');
    const events = await kit.settled(channel, 3);
    const page = await kit.history(channel, `?since=${events[0]!.id}`);
    assert.deepEqual(page.events, events.slice(1));
    assert.equal(page.status, 'resumed');
    const end = await kit.history(channel, `?since=${events[2]!.id}`);
    assert.deepEqual(end, { cursor: events[2]!.id, status: 'resumed', events: [], more: false });
    for (const since of ['nonsense', 'zzzzzz.1', `${events[2]!.id}zz`, 'x'.repeat(4_000)]) {
      const reset = await kit.history(channel, `?since=${since}`);
      assert.deepEqual([reset.status, reset.events], ['reset', events], since);
    }
    // P13: empty is as if absent.
    const empty = await kit.history(channel, '?since=');
    assert.deepEqual([empty.status, empty.events], ['resumed', events]);
  });

  it('P25: from a duration back, as a stream has it; a page of such goes on by its cursor', async () => {
    const channel = newChannel();
    await kit.send(channel, 'a', 'b', 'c');
    const events = await kit.settled(channel, 3);
    for (const since of ['earliest', '10m', '7d']) {
      const page = await kit.history(channel, `?since=${since}`);
      assert.deepEqual([page.status, page.events], ['resumed', events], since);
    }
    const first = await kit.history(channel, '?since=1h&limit=2');
    assert.deepEqual([first.events, first.more], [events.slice(0, 2), true]);
    const rest = await kit.history(channel, `?since=${first.cursor}`);
    assert.deepEqual(rest.events, events.slice(2));
  });

  it('P25: pages of any size, one after the other, are the whole', async () => {
    const channel = newChannel();
    await kit.sendMany(channel, HISTORY_MAX_EVENTS + 30);
    const whole = await kit.everything(channel);
    assert.equal(whole.length, HISTORY_MAX_EVENTS);
    assert.equal(new Set(whole.map(({ id }) => id)).size, HISTORY_MAX_EVENTS);
    const first = await kit.history(channel);
    assert.deepEqual([first.events.length, first.more], [500, true]);
    for (const limit of [500, 300, 77]) {
      const seen = [];
      let page = await kit.history(channel, `?limit=${limit}`);
      seen.push(...page.events);
      while (page.more) {
        assert.equal(page.events.length, limit);
        page = await kit.history(channel, `?limit=${limit}&since=${page.cursor}`);
        assert.equal(page.status, 'resumed');
        seen.push(...page.events);
      }
      assert.deepEqual(seen, whole, `limit ${limit}`);
    }
    const one = await kit.history(channel, '?limit=1');
    assert.deepEqual([one.events.length, one.more, one.cursor], [1, true, whole[0]!.id]);
  });

  it('P25: of a channel that does not exist it is empty, with a cursor that a stream resumes from', async () => {
    const channel = newChannel();
    const page = await kit.history(channel);
    assert.deepEqual([page.status, page.events, page.more], ['resumed', [], false]);
    await kit.send(channel, 'a');
    const { reader, sync } = await kit.live(channel, { lastEventId: page.cursor });
    assert.equal(sync.status, 'resumed');
    assert.equal((await reader.next()).data, 'a');
    reader.close();
  });
}
