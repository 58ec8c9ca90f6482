/** Resets of channels without a state: the events that are kept follow, and what is lost is what is really gone (P12). */
import assert from 'node:assert/strict';
import { waitFor } from '../../support/wait.ts';
import { envelopeOf, HISTORY_MAX_EVENTS, type Kit, newChannel, type Page, type StateView } from './kit.ts';
import { openLines, textsOf } from './lines.ts';

const dataOf = ({ data }: { readonly data?: string | undefined }) => data;

export function resetTests(kit: Kit): void {
  const { it } = kit;

  /** Cursors that cannot be honoured, whatever is kept. */
  function broken(good: string): string[] {
    const [epoch, offset] = good.split('.') as [string, string];
    const elsewhere = [...epoch].map((digit) => (digit === 'z' ? 'a' : 'z')).join('');
    return ['10min', `${elsewhere}.${offset}`, `${epoch}.${(Number.parseInt(offset, 36) + 5).toString(36)}`];
  }

  it('P12: a reset of a channel without a state goes on from its oldest kept event', async () => {
    const channel = newChannel();
    await kit.send(channel, 'a', 'b', 'c');
    const [a] = await kit.settled(channel, 3);
    for (const [i, since] of broken(a!.id).entries()) {
      const { reader, sync, frame } = await kit.live(channel, { query: `since=${since}` });
      const { status, lost, head, oldest } = sync.channels[channel]!;
      assert.deepEqual({ status, lost, kept: head - oldest + 1 }, { status: 'reset', lost: null, kept: 3 + i }, since);
      assert.equal(frame.id, undefined);
      const snapshot = await reader.next();
      const { state, cursor } = JSON.parse(snapshot.data!) as StateView;
      assert.deepEqual([state, cursor], [{}, snapshot.id], since);
      const kept = ['a', 'b', 'c', ...['d', 'e', 'f'].slice(0, i)];
      assert.deepEqual((await reader.take(kept.length)).map(dataOf), kept, since);
      const live = ['d', 'e', 'f'][i]!;
      await kit.send(channel, live);
      assert.equal((await reader.next()).data, live, 'and then what is new');
      reader.close();
      const again = await kit.live(channel, { lastEventId: snapshot.id! });
      assert.equal(again.sync.status, 'resumed', 'a client that was cut off right after the snapshot');
      assert.equal((await again.reader.next()).data, 'a');
      again.reader.close();
    }
  });

  it('P12: the same in NDJSON, and in raw with a line that says so', async () => {
    const [channel, other] = [newChannel(), newChannel()];
    await kit.send(channel, 'a', 'b');
    const [a] = await kit.settled(channel, 2);
    const elsewhere = broken(a!.id)[1]!;
    const open = (format: string, since: string, names = channel) =>
      openLines(`${kit.streamUrl()}/c/${names}/events?since=${since}&format=${format}`);
    await using ndjson = await open('ndjson', '10min');
    await using raw = await open('raw', '10min');
    await using strange = await open('raw', elsewhere);
    await using several = await open('raw', `${elsewhere}.1`, `${channel},${other}`);
    await using resumed = await open('raw', a!.id);
    const all = [ndjson, raw, strange, several, resumed];
    const counts = [4, 3, 3, 4, 1];
    await waitFor(() => all.every((each, i) => textsOf(each).length >= counts[i]!), { what: 'all their lines' });
    const seen = textsOf(ndjson).map(
      (line) => JSON.parse(line) as { event?: string; data?: string; channels?: unknown },
    );
    assert.deepEqual(
      seen.map(({ event, data }) => event ?? data),
      ['$sync', '$snapshot', 'a', 'b'],
    );
    const { reason } = (seen[0]!.channels as Record<string, { reason?: string }>)[channel]!;
    assert.equal(reason, 'malformed');
    const malformed = 'what was asked for is no cursor';
    assert.deepEqual(textsOf(raw), [`# reset ${channel}: ${malformed}`, 'a', 'b']);
    assert.deepEqual(textsOf(strange), [`# reset ${channel}: events may be lost`, 'a', 'b']);
    assert.deepEqual(
      textsOf(several),
      [...[channel, other].map((name) => `# reset ${name}: ${malformed}`), 'a', 'b'],
      'of two numbers is none of either',
    );
    assert.deepEqual(textsOf(resumed), ['b'], 'nothing else is told');
  });

  it('P12: a poll is answered the same, in pages', async () => {
    const channel = newChannel();
    await kit.send(channel, 'a', 'b', 'c');
    const [a] = await kit.settled(channel, 3);
    for (const since of broken(a!.id)) {
      const page = await kit.poll(channel, `since=${since}`);
      assert.deepEqual([page.status, page.events.map(dataOf), page.more], ['reset', ['a', 'b', 'c'], false], since);
      assert.equal(page.cursor, page.events.at(-1)!.id);
      const { cursor, state } = page.snapshots![0]!;
      assert.deepEqual(state, {});
      const resumed = await kit.poll(channel, `since=${cursor}`);
      assert.deepEqual([resumed.status, resumed.events.map(dataOf)], ['resumed', ['a', 'b', 'c']], since);
    }
  });

  it('P12: lost counts only what is not kept any more', async () => {
    const [channel, other] = [newChannel(), newChannel('latest')];
    await kit.send(channel, 'first');
    const [first] = await kit.settled(channel, 1);
    // More than any server could keep beside the store in good faith.
    const count = HISTORY_MAX_EVENTS + 1_100;
    await kit.sendMany(channel, count);
    const kept = (await kit.everything(channel)).map(dataOf);
    assert.equal(kept.length, HISTORY_MAX_EVENTS);

    const { reader, sync } = await kit.live(channel, { lastEventId: first!.id });
    const { head, oldest, ...told } = sync.channels[channel]!;
    assert.deepEqual(told, { status: 'reset', lost: count - HISTORY_MAX_EVENTS });
    assert.equal(head - oldest + 1, HISTORY_MAX_EVENTS);
    const [snapshot, ...frames] = await reader.take(1 + HISTORY_MAX_EVENTS);
    reader.close();
    assert.equal(snapshot!.event, '$snapshot');
    assert.deepEqual(frames.map(dataOf), kept);

    await using raw = await openLines(`${kit.streamUrl()}/c/${channel}/events?since=${first!.id}&format=raw`);
    await waitFor(() => textsOf(raw).length > HISTORY_MAX_EVENTS, { what: 'as many lines' });
    assert.deepEqual(textsOf(raw), [`# reset ${channel}: ${count - HISTORY_MAX_EVENTS} events are lost`, ...kept]);

    const pages: Page[] = [await kit.poll(channel, `since=${first!.id}`)];
    while (pages.at(-1)!.more) pages.push(await kit.poll(channel, `since=${pages.at(-1)!.cursor}`));
    assert.deepEqual(
      pages.map(({ status }) => status),
      ['reset', 'resumed'],
    );
    assert.deepEqual(
      pages.flatMap(({ events }) => events.map(dataOf)),
      kept,
    );

    // One without a state beside one with it: each goes on in its own way.
    assert.equal((await kit.post(other, 'x', { from: 'ann.1', seq: 1 })).status, 204);
    await kit.settled(other, 1);
    const both = await kit.live(`${other},${channel}`, { lastEventId: 'nonsense' });
    assert.equal(both.sync.status, 'reset');
    const snapshots = await both.reader.take(2);
    assert.deepEqual(
      snapshots.map(({ data }) => (JSON.parse(data!) as StateView).state),
      [{ ann: 'x' }, {}],
    );
    assert.deepEqual(
      (await both.reader.take(HISTORY_MAX_EVENTS)).map((frame) => envelopeOf(frame).data),
      kept,
    );
    await kit.send(other, 'y');
    assert.deepEqual(envelopeOf(await both.reader.next()), { channel: other, data: 'y' });
    both.reader.close();
  });
}
