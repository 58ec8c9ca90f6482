/** Cursors: every value of one has a defined answer, and what it promises is kept to the event (P12–P15). */
import assert from 'node:assert/strict';
import { waitFor } from '../../support/wait.ts';
import { brokenCursorTests } from './cursors-broken.ts';
import { joinedCursorTests } from './cursors-joined.ts';
import { manyChannelCursorTests } from './cursors-many.ts';
import { assertProblem, type Kit, newChannel } from './kit.ts';
import { resetTests } from './resets.ts';

export function cursorsTests(kit: Kit): void {
  const { it } = kit;

  it('P13: absent or empty is fresh', async () => {
    const channel = newChannel();
    await kit.send(channel, 'old');
    const [{ id } = { id: '' }] = await kit.settled(channel, 1);
    assert.equal((await kit.syncFor(channel)).status, 'fresh');
    assert.equal((await kit.syncFor(channel, { lastEventId: '' })).status, 'fresh');
    assert.equal((await kit.syncFor(channel, { query: 'since=' })).status, 'fresh');
    assert.equal((await kit.syncFor(channel, { query: 'since' })).status, 'fresh');
    assert.equal((await kit.syncFor(channel, { query: 'since=now' })).status, 'fresh');
    assert.equal((await kit.syncFor(channel, { lastEventId: '', query: 'since=' })).status, 'fresh');
    assert.equal((await kit.syncFor(channel, { lastEventId: id })).status, 'resumed', 'and a cursor is not');
  });

  it('P13: Last-Event-ID goes before since, an empty one does not', async () => {
    const channel = newChannel();
    await kit.send(channel, 'a', 'b', 'c');
    const [a, b] = await kit.settled(channel, 3);
    const missed = async (lastEventId: string | undefined, since: string) => {
      const sync = await kit.syncFor(channel, {
        query: `since=${since}`,
        ...(lastEventId === undefined ? {} : { lastEventId }),
      });
      return [sync.status, sync.channels[channel]!.missed];
    };
    assert.deepEqual(await missed(a!.id, b!.id), ['resumed', 2]);
    assert.deepEqual(await missed(b!.id, a!.id), ['resumed', 1]);
    assert.deepEqual(await missed(b!.id, 'earliest'), ['resumed', 1]);
    assert.deepEqual(await missed('nonsense', a!.id), ['reset', undefined]);
    assert.deepEqual(await missed('', a!.id), ['resumed', 2]);
    assert.deepEqual(await missed(undefined, a!.id), ['resumed', 2]);
  });

  it('P13: lastEventId in the query is a cursor, however it is written, behind the header and before since', async () => {
    const channel = newChannel();
    await kit.send(channel, 'a', 'b', 'c');
    const [a, b, c] = await kit.settled(channel, 3);
    const missed = async (query: string, lastEventId?: string) => {
      const sync = await kit.syncFor(channel, { query, ...(lastEventId === undefined ? {} : { lastEventId }) });
      return [sync.status, sync.channels[channel]!.missed];
    };
    for (const name of ['lastEventId', 'lastEventID', 'LASTEVENTID', 'lasteventid']) {
      assert.deepEqual(await missed(`${name}=${a!.id}`), ['resumed', 2], name);
    }
    assert.deepEqual(await missed(`since=${a!.id}&lastEventId=${b!.id}`), ['resumed', 1]);
    assert.deepEqual(await missed(`lastEventId=${a!.id}`, c!.id), ['resumed', 0]);
    assert.deepEqual(await missed(`lastEventId=&since=${a!.id}`), ['resumed', 2]);
    assert.deepEqual(await missed('lastEventId=10m'), ['reset', undefined], 'a word is no cursor');
    const twice = `/c/${channel}/events?lastEventId=${a!.id}&lastEventID=${b!.id}`;
    assertProblem(await kit.get(twice), 400, 'repeated_parameter');
    const page = await kit.poll(channel, `lastEventId=${b!.id}`);
    assert.deepEqual([page.status, page.events.length], ['resumed', 1]);
  });

  it('P14: after each id of a run, exactly the rest follows, on whichever server', async () => {
    const channel = newChannel();
    const { reader, frame } = await kit.live(channel);
    const texts = Array.from({ length: 12 }, (_, i) => String(i));
    await kit.send(channel, ...texts);
    const ids = [frame.id!, ...(await reader.take(12)).map(({ id }) => id!)];
    reader.close();
    for (const [i, lastEventId] of ids.entries()) {
      for (const at of [kit.streamUrl(), kit.otherStreamUrl()]) {
        const again = await kit.live(channel, { lastEventId, at });
        assert.equal(again.sync.status, 'resumed');
        assert.equal(again.sync.channels[channel]!.missed, 12 - i);
        const rest = await again.reader.take(12 - i);
        again.reader.close();
        assert.deepEqual(
          rest.map(({ id, data }) => [id, data]),
          texts.slice(i).map((text, j) => [ids[i + 1 + j], text]),
        );
      }
    }
  });

  it('P14: the same cursor may be used by many, at once and again', async () => {
    const channel = newChannel();
    await kit.send(channel, 'a', 'b', 'c');
    const [a] = await kit.settled(channel, 3);
    const rest = async () => {
      const { reader } = await kit.live(channel, { lastEventId: a!.id });
      const frames = await reader.take(2);
      reader.close();
      return frames.map(({ data }) => data);
    };
    const expected = ['b', 'c'];
    for (const seen of await Promise.all(Array.from({ length: 8 }, rest))) assert.deepEqual(seen, expected);
    assert.deepEqual(await rest(), expected);
  });

  it('P14: ids of history, polls and streams are one and the same', async () => {
    const channel = newChannel();
    const { reader, frame } = await kit.live(channel);
    await kit.send(channel, 'a', 'b', 'c');
    const streamed = (await reader.take(3)).map(({ id }) => id);
    reader.close();
    const kept = (await kit.settled(channel, 3)).map(({ id }) => id);
    const polled = (await kit.poll(channel, `since=${frame.id}`)).events.map(({ id }) => id);
    assert.deepEqual(kept, streamed);
    assert.deepEqual(polled, streamed);
  });

  it('P13: since=earliest resumes from the oldest kept event', async () => {
    const channel = newChannel();
    const empty = await kit.syncFor(channel, { query: 'since=earliest' });
    assert.deepEqual([empty.status, empty.channels[channel]!.missed], ['resumed', 0]);
    await kit.send(channel, 'a', 'b');
    await kit.settled(channel, 2);
    const { reader, sync } = await kit.live(channel, { query: 'since=earliest' });
    assert.deepEqual([sync.status, sync.channels[channel]!.missed], ['resumed', 2]);
    assert.deepEqual(
      (await reader.take(2)).map(({ data }) => data),
      ['a', 'b'],
    );
    reader.close();
  });

  it('P44: limit begins with the newest so many, but a cursor comes first', async () => {
    const [channel, other] = [newChannel(), newChannel()];
    await kit.send(channel, 'a', 'b', 'c');
    await kit.send(other, 'x');
    const [a] = await kit.settled(channel, 3);
    await kit.settled(other, 1);
    for (const query of ['limit=2', 'limit=2&since=earliest', 'since=7d&limit=2', 'since=&limit=2']) {
      const { reader, sync } = await kit.live(channel, { query });
      assert.deepEqual([sync.status, sync.channels[channel]!.missed], ['resumed', 2], query);
      assert.deepEqual(
        (await reader.take(2)).map(({ data }) => data),
        ['b', 'c'],
        query,
      );
      await reader.close();
    }
    const missed = async (init: { readonly query: string; readonly lastEventId?: string }) =>
      (await kit.syncFor(channel, init)).channels[channel]!.missed;
    assert.equal(await missed({ query: 'limit=10000' }), 3, 'all there are');
    assert.equal(await missed({ query: 'limit=1&since=now' }), undefined, 'nothing of what was');
    assert.equal(await missed({ query: 'limit=1', lastEventId: a!.id }), 2, 'as at a reconnect');
    assert.equal(await missed({ query: `limit=1&since=${a!.id}` }), 2);
    const both = await kit.syncFor(`${channel},${other}`, { query: 'limit=2' });
    assert.deepEqual([both.channels[channel]!.missed, both.channels[other]!.missed], [2, 1], 'of each');
    const page = await kit.poll(channel, 'limit=1');
    assert.deepEqual(
      page.events.map(({ data }) => data),
      ['c'],
    );
    for (const limit of ['0', '10001', '-1', '2.5', 'many', '']) {
      assertProblem(await kit.get(`/c/${channel}/events?limit=${limit}`), 400, 'bad_parameter');
    }
  });

  it('P13: a duration resumes from the oldest kept event in that time', async () => {
    const channel = newChannel();
    await kit.send(channel, 'old');
    const [old] = await kit.settled(channel, 1);
    await waitFor(() => Date.now() > old!.at! + 1_100, { what: 'the first event to become old' });
    // On a machine that is busy for a second, what was new is old too: then once more.
    for (let i = 0; ; i++) {
      await kit.send(channel, `new ${i}`);
      const { at } = (await kit.settled(channel, 2 + i)).at(-1)!;
      const page = await kit.poll(channel, 'since=1s');
      if (Date.now() > at! + 900) continue;
      assert.deepEqual([page.status, page.events[0]!.data === 'old'], ['resumed', false]);
      assert.equal(page.events.at(-1)!.data, `new ${i}`);
      break;
    }
    const expected = (await kit.everything(channel)).map(({ data }) => data);
    for (const since of ['600s', '30m', '2h', '7d', '999999999d']) {
      const { reader, sync } = await kit.live(channel, { query: `since=${since}` });
      assert.deepEqual([sync.status, sync.channels[channel]!.missed], ['resumed', expected.length], since);
      const frames = await reader.take(expected.length);
      reader.close();
      assert.deepEqual(
        frames.map(({ data }) => data),
        expected,
        since,
      );
      const page = await kit.poll(channel, `since=${since}`);
      assert.deepEqual([page.status, page.events.length], ['resumed', expected.length], since);
    }
  });

  it('P13: a duration in which nothing came is resumed too, with nothing', async () => {
    const channel = newChannel();
    await kit.send(channel, 'old');
    const [old] = await kit.settled(channel, 1);
    await waitFor(() => Date.now() > old!.at! + 1_100, { what: 'the event to become old' });
    const { reader, sync } = await kit.live(channel, { query: 'since=1s' });
    assert.deepEqual([sync.status, sync.channels[channel]!.missed], ['resumed', 0]);
    await kit.send(channel, 'new');
    assert.equal((await reader.next()).data, 'new');
    reader.close();
  });

  brokenCursorTests(kit);
  joinedCursorTests(kit);
  manyChannelCursorTests(kit);
  resetTests(kit);
}
