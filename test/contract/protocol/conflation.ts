/** Conflation: the newest of each publisher's name in a time, for those who only want to know how things are (P28). */
import assert from 'node:assert/strict';
import { shownOf } from '../../../loadtest/ledger/shown-from.ts';
import { type Frame, isDispatched, type SseReader } from '../../support/sse.ts';
import { assertProblem, envelopeOf, isEvent, isNamed, type Kit, newChannel } from './kit.ts';

const MS = 250;

export function conflationTests(kit: Kit): void {
  const { it } = kit;

  const publish = async (channel: string, from: string, seq: number) => {
    assert.equal((await kit.post(channel, `${from} ${seq}`, { from: `${from}.1`, seq })).status, 204);
  };

  /** Every event is either there or counted as left out. */
  function countOf(frames: readonly Frame[]): number {
    const folded = frames
      .filter(isNamed('$lagged'))
      .map(({ data }) => (JSON.parse(data!) as { folded: number }).folded);
    return frames.filter(isEvent).length + folded.reduce((sum, count) => sum + count, 0);
  }

  it('P28: of each name the newest comes, at most once in that time, and the others are counted', async () => {
    const channel = newChannel();
    const { reader } = await kit.live(channel, { query: `conflate=${MS}ms&with=from,seq` });
    await using _ = reader;
    const startedMs = performance.now();
    const names = ['ann', 'bob', 'cyd'];
    const count = 40;
    const others: SseReader[] = [];
    for (let seq = 1; seq <= count; seq++) {
      for (const name of names) await publish(channel, name, seq);
      // Who joins is not to make those who are there see more.
      if (seq % 8 === 0) others.push(await kit.stream(channel, { query: `conflate=${MS}ms&with=from,seq` }));
    }
    for (const other of others) other.close();
    const newest = new Map<string, number>();
    while (names.some((name) => newest.get(name) !== count)) {
      const { from, seq, data } = envelopeOf(await reader.next(isEvent));
      const name = from!.split('~', 1)[0]!;
      assert.equal(data, `${name} ${seq}`);
      assert.ok(seq! > (newest.get(name) ?? 0), 'in the order of their offsets');
      newest.set(name, seq!);
    }
    const tookMs = performance.now() - startedMs;
    const frames = reader.frames.filter(isDispatched).slice(1);
    assert.equal(countOf(frames), count * names.length);
    for (const name of names) {
      const of = frames.filter((frame) => isEvent(frame) && envelopeOf(frame).from === shownOf(`${name}.1`)).length;
      assert.ok(of <= Math.ceil(tookMs / MS) + 1 && of < count, `${of} of ${name} in ${tookMs} ms`);
    }
    for (const [i, frame] of frames.entries()) {
      if (frame.event !== '$lagged') continue;
      assert.equal((JSON.parse(frame.data!) as { channel: string }).channel, channel);
      assert.equal(frame.id, undefined);
      assert.ok(isEvent(frames[i + 1]!), 'before the events');
    }
  });

  it('P28: a resume is conflated too, and the cursor is that of the newest event', async () => {
    const channel = newChannel();
    const { frame, reader } = await kit.live(channel);
    reader.close();
    for (let seq = 1; seq <= 20; seq++) for (const name of ['ann', 'bob']) await publish(channel, name, seq);
    const events = await kit.settled(channel, 40);
    const again = await kit.live(channel, { query: `conflate=${MS}ms&with=seq`, lastEventId: frame.id! });
    assert.equal(again.sync.status, 'resumed');
    const seen: Frame[] = [];
    while (seen.at(-1)?.id !== events.at(-1)!.id) seen.push(await again.reader.next());
    again.reader.close();
    assert.equal(countOf(seen), 40);
    assert.deepEqual(
      seen
        .filter(isEvent)
        .slice(-2)
        .map((each) => envelopeOf(each).seq),
      [20, 20],
    );
    const end = await kit.syncFor(channel, { lastEventId: seen.at(-1)!.id });
    assert.deepEqual([end.status, end.channels[channel]!.missed], ['resumed', 0]);
  });

  it('P28: several channels are conflated each for itself', async () => {
    const [a, b] = [newChannel(), newChannel()];
    const { reader } = await kit.live(`${a},${b}`, { query: `conflate=${MS}ms&with=seq` });
    await using _ = reader;
    for (let seq = 1; seq <= 20; seq++) for (const channel of [a, b]) await publish(channel, 'ann', seq);
    const newest = new Map<string, number>();
    while (newest.get(a) !== 20 || newest.get(b) !== 20) {
      const { channel, seq } = envelopeOf(await reader.next(isEvent));
      newest.set(channel!, seq!);
    }
    assert.equal(countOf(reader.frames.filter(isDispatched).slice(1)), 40);
  });

  it('P28: a conflate that is none is 400', async () => {
    for (const value of ['', '0', '250', '19ms', '60001ms', '-250ms', '1.5ms', '1e3ms', '250 ms', '1s', 'ms', 'x']) {
      const path = `/c/${newChannel()}/events?conflate=${encodeURIComponent(value)}`;
      assertProblem(await kit.get(path), 400, 'bad_parameter');
    }
    for (const value of ['20ms', '60000ms']) {
      assert.equal((await kit.syncFor(newChannel(), { query: `conflate=${value}` })).status, 'fresh');
    }
    assertProblem(await kit.get('/c/room/events?conflate=20ms&conflate=20ms'), 400, 'repeated_parameter');
  });
}
