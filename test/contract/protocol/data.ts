/** What frames carry: the change, its envelope, and the state a stream begins with (P16, P23). */
import assert from 'node:assert/strict';
import { shownOf } from '../../../loadtest/ledger/shown-from.ts';
import { envelopeOf, isEvent, isNamed, type Kit, newChannel, type StateView, syncOf } from './kit.ts';

export function dataTests(kit: Kit): void {
  const { it } = kit;

  it('P16: with one channel and no with=, data is the change and the type is message', async () => {
    const channel = newChannel();
    const { reader } = await kit.live(channel);
    await using _ = reader;
    assert.equal((await kit.post(channel, '{"a":1}', { from: 'a.1', seq: 1 })).status, 204);
    const { id, ...frame } = await reader.next();
    assert.deepEqual(frame, { event: 'message', data: '{"a":1}', retry: undefined, comments: [] });
    assert.match(
      reader.text(),
      new RegExp(`\n\n(:\n)*id: ${id}\ndata: {"a":1}\n\n(:\n)*$`),
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
      const known = [{ from: shownOf('a.1'), seq: 5 }, { from: shownOf('a.1') }, {}];
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
}
