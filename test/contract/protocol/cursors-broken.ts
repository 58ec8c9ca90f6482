/** Cursors that cannot be honoured: never a 4xx, always `reset`, with the truth about what is lost (P12, P13). */
import assert from 'node:assert/strict';
import { HISTORY_MAX_EVENTS, type Kit, newChannel, type Receiving, type StateView } from './kit.ts';

/** What a store, a client or a person in between may have made of a cursor. */
function malformed(good: string): string[] {
  const [epoch, offset] = good.split('.') as [string, string];
  return [
    'x',
    'undefined',
    'null',
    '0',
    '-1',
    '42',
    'NaN',
    '{"a":1}',
    '.',
    '..',
    '...',
    ' ',
    ',',
    '-',
    // Alone it may look like a duration.
    `e${epoch}`,
    `${epoch}.`,
    `.${offset}`,
    `${epoch}.-1`,
    `${epoch}.0${offset}`,
    `${epoch}.${offset}.`,
    `${epoch}.${offset}.${offset}`,
    `${epoch} .${offset}`,
    `${epoch}.${offset}x!`,
    `${epoch}.${offset},${epoch}.${offset}`,
    `${epoch}.1e+3`,
    `${epoch}.zzzzzzzzzzz`,
    `${epoch}.${'z'.repeat(200)}`,
    `${epoch.slice(1)}.${offset}`,
    `${epoch}0.${offset}`,
    `${epoch.toUpperCase()}!.${offset}`,
    `"${good}"`,
    '__proto__',
    'constructor.1',
    'EARLIEST',
    'earliest,now',
    '10',
    '10x',
    '10 m',
    '-10m',
    '1.5h',
    '1e3m',
    '10000000000d',
    '../../etc/passwd',
    "'; DROP TABLE events; --",
    `${'a'.repeat(256)}`,
    'x'.repeat(4_000),
    `${epoch}.${offset}`.repeat(200),
  ];
}

/** What only fits into a query. */
const unprintable = [
  '\0',
  '\n',
  '\r\nX: y',
  '\u00e9',
  '\ud83d\ude00',
  '\u2028',
  '\ufeff',
  'a\0b',
  '%',
  '%25',
  '\x7f',
  '\t',
];

export function brokenCursorTests(kit: Kit): void {
  const { it } = kit;

  async function assertReset(
    channel: string,
    {
      lost = null,
      reason,
      kept = 0,
    }: { readonly lost?: number | null; readonly reason?: string; readonly kept?: number },
    ...cursors: string[]
  ): Promise<void> {
    for (const cursor of cursors) {
      const what = JSON.stringify(cursor.slice(0, 80));
      const query = `since=${encodeURIComponent(cursor)}`;
      const isHeader = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(cursor);
      const ways: Receiving[] = isHeader ? [{ query }, { lastEventId: cursor }] : [{ query }];
      for (const way of ways) {
        const reader = await kit.stream(channel, way);
        assert.equal(reader.status, 200, what);
        const [sync, snapshot] = await reader.take(2);
        reader.close();
        assert.equal(sync!.event, '$sync', what);
        const said = JSON.parse(sync!.data!) as {
          status: string;
          channels: Record<string, { status: string; lost: unknown; reason?: string }>;
        };
        assert.equal(said.status, 'reset', what);
        assert.equal(said.channels[channel]!.status, 'reset', what);
        assert.equal(said.channels[channel]!.lost, lost, what);
        assert.equal(said.channels[channel]!.reason, reason, what);
        assert.equal(snapshot!.event, '$snapshot', what);
        assert.ok(snapshot!.id, what);
      }
      const page = await kit.poll(channel, query);
      assert.deepEqual([page.status, page.events.length, page.snapshots?.length], ['reset', kept, 1], what);
    }
  }

  it('P13: whatever is no cursor is answered reset, as a header and as since', async () => {
    const channel = newChannel('latest');
    await kit.send(channel, 'a');
    const [a] = await kit.settled(channel, 1);
    await assertReset(channel, { reason: 'malformed' }, ...malformed(a!.id), ...unprintable);
  });

  it('P13: the words of since are no cursors: as Last-Event-ID they are answered reset', async () => {
    const channel = newChannel();
    for (const lastEventId of ['earliest', 'now', '10m']) {
      assert.equal((await kit.syncFor(channel, { lastEventId })).status, 'reset', lastEventId);
    }
  });

  it('P13: two Last-Event-ID fields are answered reset too', async () => {
    const channel = newChannel();
    await kit.send(channel, 'a');
    const [a] = await kit.settled(channel, 1);
    const headers = { 'Last-Event-ID': [a!.id, 'x'] } as unknown as Record<string, string>;
    assert.equal((await kit.syncFor(channel, { headers })).status, 'reset');
  });

  it('P13: ahead of the log, and of another epoch, is reset and nobody knows what is lost', async () => {
    const channel = newChannel('latest');
    await kit.send(channel, 'a', 'b');
    const [a, b] = await kit.settled(channel, 2);
    const [epoch, offset] = b!.id.split('.') as [string, string];
    const ahead = [1, 1_000, 2 ** 40].map((by) => `${epoch}.${(Number.parseInt(offset, 36) + by).toString(36)}`);
    const elsewhere = [...epoch].map((digit) => (digit === 'z' ? 'a' : 'z')).join('');
    await assertReset(channel, {}, ...ahead, `${elsewhere}.${offset}`, a!.id.replace(epoch, elsewhere));
    assert.equal((await kit.syncFor(channel, { lastEventId: a!.id })).status, 'resumed', 'the right one still is');
  });

  it('P13: too old is reset; lost is how many events after the cursor are never seen', async () => {
    const channel = newChannel('tally');
    await kit.send(channel, 'first');
    const [first] = await kit.settled(channel, 1);
    // More than any server could keep beside the store in good faith.
    const count = HISTORY_MAX_EVENTS + 1_100;
    await kit.sendMany(channel, count);
    const kept = await kit.everything(channel);
    assert.equal(kept.length, HISTORY_MAX_EVENTS);

    const reader = await kit.stream(channel, { lastEventId: first!.id });
    const [sync, snapshot] = await reader.take(2);
    assert.equal(snapshot!.event, '$snapshot');
    const { cursor } = JSON.parse(snapshot!.data!) as StateView;
    assert.equal(cursor, kept.at(-1)!.id, 'the snapshot is of now');
    const told = (JSON.parse(sync!.data!) as { channels: Record<string, unknown> }).channels[channel];
    await kit.send(channel, 'after');
    assert.equal((await reader.next()).data, 'after', 'and after it only what is newer');
    reader.close();
    const { status, lost } = told as { status: string; lost: number };
    assert.deepEqual({ status, lost }, { status: 'reset', lost: count });

    const oldest = await kit.syncFor(channel, { lastEventId: kept[1]!.id });
    assert.equal(oldest.status, 'resumed', 'all that follows it is kept');
  });

  it('P13: a cursor of another channel is reset', async () => {
    // More channels than shards by default, and events in turn: some share whatever channels share, and their positions overlap.
    const channels = Array.from({ length: 20 }, () => newChannel());
    for (let i = 0; i < 3; i++) await Promise.all(channels.map((channel) => kit.send(channel, String(i))));
    const all = await Promise.all(channels.map((channel) => kit.settled(channel, 3)));
    for (const [i, channel] of channels.entries()) {
      for (const [j, events] of all.entries()) {
        const { status } = await kit.poll(channel, `since=${events[1]!.id}`);
        assert.equal(status, i === j ? 'resumed' : 'reset', `${events[1]!.id} of ${channels[j]} at ${channel}`);
      }
    }
    await assertReset(channels[0]!, { kept: 3 }, all[1]![2]!.id, all[2]![0]!.id);
  });
}
