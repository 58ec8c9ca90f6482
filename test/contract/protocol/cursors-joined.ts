/** Cursors of one channel each, joined: what a stream is of may change, and what a client has of each goes on (P39, P40). */
import assert from 'node:assert/strict';
import { assertProblem, type Envelope, envelopeOf, isEvent, type Kit, newChannel, type Receiving } from './kit.ts';

export function joinedCursorTests(kit: Kit): void {
  const { it } = kit;

  /** Channels with two events each. */
  async function begun(count: number) {
    const channels = Array.from({ length: count }, () => newChannel());
    await Promise.all(channels.map((channel) => kit.send(channel, '1', '2')));
    const events = await Promise.all(channels.map((channel) => kit.settled(channel, 2)));
    return { channels, events };
  }

  async function statusesOf(channels: readonly string[], receiving: Receiving) {
    const sync = await kit.syncFor(channels.join(','), receiving);
    return channels.map((channel) => sync.channels[channel]!.status);
  }

  it('P40: each channel goes on from the cursor that is its own, in any order, on a stream and in a poll', async () => {
    const { channels, events } = await begun(3);
    const [a, b, c] = events.map(([first]) => first!.id);
    for (const since of [`${a}~${b}~${c}`, `${c}~${a}~${b}`]) {
      for (const way of [{ query: `since=${since}` }, { lastEventId: since }]) {
        const { reader, sync } = await kit.live(channels.join(','), way);
        assert.deepEqual([sync.status, channels.map((each) => sync.channels[each]!.missed)], ['resumed', [1, 1, 1]]);
        const seen = (await reader.take(3)).map(envelopeOf).map(({ channel, data }) => `${channel} ${data}`);
        assert.deepEqual(seen.sort(), channels.map((each) => `${each} 2`).sort());
        reader.close();
      }
      const page = await kit.poll(channels.join(','), `since=${since}`);
      assert.deepEqual([page.status, page.events.map(({ data }) => data)], ['resumed', ['2', '2', '2']]);
    }
  });

  it('P40: a channel without a cursor begins now, or where the word behind them says', async () => {
    const { channels, events } = await begun(2);
    const a = events[0]![0]!.id;
    for (const since of [a, `${a}~now`]) {
      assert.deepEqual(await statusesOf(channels, { query: `since=${since}` }), ['resumed', 'fresh'], since);
    }
    for (const word of ['earliest', '10m']) {
      const sync = await kit.syncFor(channels.join(','), { query: `since=${a}~${word}` });
      assert.deepEqual(
        channels.map((each) => [sync.channels[each]!.status, sync.channels[each]!.missed]),
        [
          ['resumed', 1],
          ['resumed', 2],
        ],
      );
    }
    const { reader } = await kit.live(channels.join(','), { query: `since=${a}~now` });
    await using _ = reader;
    await kit.send(channels[1]!, 'live');
    const seen = (await reader.take(2)).map(envelopeOf);
    assert.deepEqual(seen.map(({ data }) => data).sort(), ['2', 'live']);
  });

  it('P40: with cursors=joined every id is good for more, fewer and other channels, and for another order', async () => {
    const [a, b, c] = [newChannel(), newChannel(), newChannel()];
    const { reader, frame } = await kit.live(`${a},${b}`, { query: 'cursors=joined' });
    await kit.send(a, '1');
    await kit.send(b, '1');
    const ids = [frame.id!, ...(await reader.take(2)).map(({ id }) => id!)];
    reader.close();
    await kit.send(c, 'before');
    await kit.settled(c, 1);
    for (const [i, id] of ids.entries()) {
      assert.match(id, /^[0-9a-z]{6}\.[0-9a-z]+~[0-9a-z]{6}\.[0-9a-z]+$/);
      for (const names of [[a], [b], [b, a], [a, b, c], [c, b, a]]) {
        const sync = await kit.syncFor(names.join(','), { lastEventId: id });
        const missed = names.map((name) => (name === c ? 0 : (sync.channels[name]!.missed ?? Number.NaN)));
        assert.deepEqual(
          names.map((name) => sync.channels[name]!.status),
          names.map((name) => (name === c ? 'fresh' : 'resumed')),
        );
        if (names.length > 1) assert.equal(missed[0]! + missed[1]! + (missed[2] ?? 0), 2 - i, `${id} at ${names}`);
      }
      // Of b, which is not asked for, or of c from before it was begun anew: who knows.
      assert.deepEqual(await statusesOf([a, c], { lastEventId: id }), ['resumed', 'reset']);
    }
  });

  it('P40: nothing is missed and nothing comes twice while channels are added and given up', async () => {
    const channels = Array.from({ length: 5 }, () => newChannel());
    const seen: Envelope[] = [];
    let last: string | undefined;
    for (let count = 1; count <= channels.length; count++) {
      // The first is given up on the way, and its place in the URL is another's.
      const names = channels.slice(count > 3 ? 1 : 0, count).reverse();
      const own = last?.split('~');
      const since = count === 4 ? own!.slice(0, -1).join('~') : last;
      const query = `cursors=joined${since === undefined ? '' : `&since=${since}~earliest`}`;
      const { reader, sync } = await kit.live(names.join(','), { query });
      assert.notEqual(sync.status, 'reset', `${query} at ${names}`);
      await Promise.all(channels.map((channel) => kit.send(channel, String(count))));
      const isBehind = (name: string) => !seen.some(({ channel, data }) => channel === name && data === String(count));
      while (names.some(isBehind)) {
        const frame = await reader.next();
        assert.ok(isEvent(frame));
        last = frame.id!;
        seen.push(names.length === 1 ? { channel: names[0]!, data: frame.data! } : envelopeOf(frame));
      }
      reader.close();
    }
    for (const [i, channel] of channels.entries()) {
      const texts = seen.filter((event) => event.channel === channel).map(({ data }) => data);
      const until = i === 0 ? 3 : channels.length;
      assert.deepEqual(
        texts,
        Array.from({ length: until }, (_, n) => String(n + 1)),
        `${i}`,
      );
    }
  });

  it('P40: a poll goes on by joined cursors as well, and other formats write them', async () => {
    const { channels, events } = await begun(2);
    const [a, b] = channels as [string, string];
    const page = await kit.poll(`${a},${b}`, 'since=earliest&cursors=joined');
    const last = events.map(([, second]) => second!.id);
    assert.equal(page.cursor, last.join('~'));
    for (const { id } of page.events) assert.match(id!, /^\w{6}\.\w+~\w{6}\.\w+$/);
    const more = await kit.poll(`${b},${a}`, `since=${page.cursor}&cursors=joined`);
    assert.deepEqual([more.status, more.cursor, more.events.length], ['resumed', last.toReversed().join('~'), 0]);
    const answer = await kit.get(`/c/${a},${b}/events?cursors=long`);
    assertProblem(answer, 400, 'bad_parameter');
  });

  it('P39: of one channel the later of two cursors with one prefix has the greater number behind its dot', async () => {
    const channel = newChannel();
    await kit.sendMany(channel, 45);
    const ids = (await kit.everything(channel)).map(({ id }) => id!.split('.') as [string, string]);
    for (let i = 1; i < ids.length; i++) {
      assert.equal(ids[i]![0], ids[i - 1]![0]);
      assert.equal(Number.parseInt(ids[i]![1], 36), Number.parseInt(ids[i - 1]![1], 36) + 1);
    }
    const { frame, reader } = await kit.live(`${channel},${newChannel()}`, { query: 'cursors=joined' });
    reader.close();
    assert.equal(
      frame.id!.split('~')[0],
      ids.at(-1)!.join('.'),
      'and so has a part of a joined one, in the order of the URL',
    );
  });

  it('P40: whatever else is joined is reset, and what is no cursor is said to be malformed', async () => {
    const { channels, events } = await begun(2);
    const names = channels.join(',');
    const [a, b] = events.map(([first]) => first!.id) as [string, string];
    const short = (await kit.live(names)).frame.id!;
    const broken = [`${a}~`, `~${a}`, `${a}~~${b}`, '~', `${a}~x`, `${a},${b}`, `${a} ~${b}`, `${short}~${a}`];
    broken.push(`now~${a}`, `${a}~now~earliest`, '~now', `${a}~EARLIEST`, Array(17).fill(a).join('~'));
    for (const since of broken) {
      for (const of of [names, channels[0]!]) {
        const sync = await kit.syncFor(of, { query: `since=${encodeURIComponent(since)}` });
        const told = Object.values(sync.channels) as { status: string; reason?: string }[];
        assert.ok(
          told.every(({ status, reason }) => status === 'reset' && reason === 'malformed'),
          `${since} ${JSON.stringify(sync)}`,
        );
      }
    }
    for (const word of ['now', 'earliest', '10m']) {
      assert.deepEqual(await statusesOf(channels, { lastEventId: `${a}~${word}` }), ['reset', 'reset'], word);
    }
    const stranger = a.replace(/^./, (digit) => (digit === 'z' ? 'a' : 'z'));
    assert.deepEqual(await statusesOf(channels, { query: `since=${stranger}~${b}` }), ['reset', 'resumed']);
    assert.deepEqual(await statusesOf(channels, { query: `since=${stranger}` }), ['reset', 'reset']);
    assert.deepEqual(await statusesOf([channels[1]!], { query: `since=${stranger}~${b}` }), ['resumed']);
  });

  it('P40: sixteen of the longest are read, with a word behind them, on the longest channel names', async () => {
    const channels = Array.from({ length: 16 }, (_, i) => `${newChannel()}-${i}`.padEnd(64, '-'));
    const own = await kit.live(channels.join(','), { query: 'cursors=joined' });
    own.reader.close();
    // Ahead of every log, with as many digits as an offset can have.
    const longest = own.frame.id!.split('~').map((each) => `${each.slice(0, 6)}.2gosa7pa2gv`);
    assert.equal(longest.join('~').length, 16 * 18 + 15);
    const query = `with=from,seq,at&cursors=joined&since=${longest.join('~')}~999999999d`;
    const sync = await kit.syncFor(channels.join(','), { query });
    for (const told of Object.values(sync.channels) as { status: string; reason?: string }[]) {
      assert.deepEqual([told.status, told.reason], ['reset', undefined]);
    }
    const more = [...longest, longest[0]].join('~');
    for (const way of [{ query: `since=${more}` }, { lastEventId: more }]) {
      const told = Object.values((await kit.syncFor(channels.join(','), way)).channels) as { reason?: string }[];
      assert.ok(told.every(({ reason }) => reason === 'malformed'));
    }
    assert.deepEqual(await statusesOf(channels, { lastEventId: own.frame.id! }), Array(16).fill('resumed'));
  });
}
