/** Cursors of several channels: one text for all positions, good for the same channels in the same order alone (P13–P15). */
import assert from 'node:assert/strict';
import { waitFor } from '../../support/wait.ts';
import { envelopeOf, HISTORY_MAX_EVENTS, isEvent, type Kit, newChannel } from './kit.ts';

export function manyChannelCursorTests(kit: Kit): void {
  const { it } = kit;

  it('P14: after each id of a stream of three channels, exactly the rest of each follows', async () => {
    const channels = [newChannel(), newChannel(), newChannel()];
    const names = channels.join(',');
    const { reader, frame } = await kit.live(names);
    await Promise.all(channels.map((channel) => kit.send(channel, 'a', 'b', 'c', 'd')));
    const frames = [frame, ...(await reader.take(12))];
    reader.close();
    for (const [i, { id }] of frames.entries()) {
      const at = i % 2 === 0 ? kit.streamUrl() : kit.otherStreamUrl();
      const again = await kit.live(names, { lastEventId: id!, at });
      assert.equal(again.sync.status, 'resumed');
      const expected = frames.slice(i + 1).map(envelopeOf);
      const rest = (await again.reader.take(expected.length)).map(envelopeOf);
      again.reader.close();
      for (const channel of channels) {
        const of = (envelopes: typeof rest) => envelopes.filter((envelope) => envelope.channel === channel);
        assert.deepEqual(of(rest), of(expected));
        assert.equal(again.sync.channels[channel]!.missed, of(expected).length);
      }
    }
  });

  it('P14: a stream of several channels that is cut again and again in its backlog misses nothing', async () => {
    const channels = [newChannel(), newChannel()];
    const names = channels.join(',');
    const { reader, frame } = await kit.live(names);
    reader.close();
    await Promise.all(channels.map((channel) => kit.send(channel, ...'abcdefghij')));
    const seen: Record<string, string> = { [channels[0]!]: '', [channels[1]!]: '' };
    let lastEventId = frame.id!;
    while (Object.values(seen).join('').length < 20) {
      const again = await kit.live(names, { lastEventId });
      for (let i = 0; i < 3 && Object.values(seen).join('').length < 20; i++) {
        const event = await again.reader.next(isEvent);
        const { channel, data } = envelopeOf(event);
        seen[channel!] = seen[channel!]! + data!;
        lastEventId = event.id!;
      }
      again.reader.close();
    }
    assert.deepEqual(Object.values(seen), ['abcdefghij', 'abcdefghij']);
  });

  it('P13: one that is not joined is reset for another order, for more, for fewer and for other channels', async () => {
    const [a, b, c] = [newChannel(), newChannel(), newChannel()];
    for (const channel of [a, b, c]) await kit.send(channel, 'x');
    for (const channel of [a, b, c]) await kit.settled(channel, 1);
    const cursorOf = async (names: string) => (await kit.poll(names)).cursor;
    const [ofAb, ofAbc] = [await cursorOf(`${a},${b}`), await cursorOf(`${a},${b},${c}`)];
    assert.equal((await kit.syncFor(`${a},${b}`, { lastEventId: ofAb })).status, 'resumed');
    for (const [names, lastEventId] of [
      [`${b},${a}`, ofAb],
      [`${a},${c}`, ofAb],
      [a, ofAb],
      [b, ofAb],
      [`${a},${b},${c}`, ofAb],
      [`${a},${b}`, ofAbc],
      [`${c},${b},${a}`, ofAbc],
    ] as const) {
      const sync = await kit.syncFor(names, { lastEventId });
      assert.equal(sync.status, 'reset');
      for (const { status, lost } of Object.values(sync.channels)) assert.deepEqual([status, lost], ['reset', null]);
    }
  });

  it('P13: earliest, a duration and now hold for every channel of a stream', async () => {
    const [a, b, empty] = [newChannel(), newChannel(), newChannel()];
    await kit.send(a, '1', '2');
    await kit.send(b, '1');
    await kit.settled(a, 2);
    await kit.settled(b, 1);
    const names = `${a},${b},${empty}`;
    for (const since of ['earliest', '10m']) {
      const { reader, sync } = await kit.live(names, { query: `since=${since}` });
      assert.equal(sync.status, 'resumed');
      assert.deepEqual(
        Object.values(sync.channels).map(({ missed }) => missed),
        [2, 1, 0],
      );
      const seen = (await reader.take(3)).map(envelopeOf).map(({ channel, data }) => `${channel} ${data}`);
      assert.deepEqual(seen.sort(), [`${a} 1`, `${a} 2`, `${b} 1`].sort());
      reader.close();
    }
    assert.equal((await kit.syncFor(names, { query: 'since=now' })).status, 'fresh');
  });

  it('P12: one channel of several may be reset while the others resume', async () => {
    const [busy, calm] = [newChannel('tally'), newChannel()];
    const { reader, frame } = await kit.live(`${busy},${calm}`);
    reader.close();
    await kit.sendMany(busy, HISTORY_MAX_EVENTS + 1_100);
    await kit.send(calm, 'calm');
    await kit.settled(calm, 1);
    // History is read from the store; a gateway hears of the same event a moment later.
    const again = await waitFor(
      async () => {
        const seen = await kit.live(`${busy},${calm}`, { lastEventId: frame.id! });
        if (seen.sync.channels[calm]!.missed === 1) return seen;
        seen.reader.close();
      },
      { what: 'the gateway to hear of the calm change', everyMs: 50 },
    );
    assert.equal(again.sync.status, 'reset');
    assert.equal(again.sync.channels[busy]!.status, 'reset');
    assert.deepEqual([again.sync.channels[calm]!.status, again.sync.channels[calm]!.missed], ['resumed', 1]);
    const snapshot = await again.reader.next();
    assert.equal(snapshot.event, '$snapshot');
    assert.equal(again.frame.id, undefined, 'the id is on the snapshot, which comes last');
    const once = await kit.live(`${busy},${calm}`, { lastEventId: snapshot.id! });
    for (const stream of [again, once]) {
      assert.deepEqual(envelopeOf(await stream.reader.next()), { channel: calm, data: 'calm' });
      stream.reader.close();
    }
    assert.equal(once.sync.status, 'resumed', 'a client that was cut off right after the snapshot');
  });
}
