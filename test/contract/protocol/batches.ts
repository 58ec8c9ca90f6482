/** Several changes of one publisher in one request: taken whole, in their order, each once (P41). */
import assert from 'node:assert/strict';
import { shownOf } from '../../../loadtest/ledger/shown-from.ts';
import { binary, linesWith, MSGPACK, packedWith, postBatch } from './batch-kit.ts';
import { BATCH_MAX_BYTES, BATCH_MAX_CHANGES, bytesOf, type Kit, MAX_CHANGE_BYTES, newChannel } from './kit.ts';

export function batchesTests(kit: Kit): void {
  const { it } = kit;

  async function taken(channel: string, body: Uint8Array | string, seq: number, from = 'a.1'): Promise<void> {
    const answer = await postBatch(kit, channel, body, { from, seq });
    assert.equal(answer.status, 204, answer.body.toString());
    assert.equal(answer.body.length, 0);
  }

  const seqsOf = async (channel: string, count: number) =>
    (await kit.settled(channel, count)).map(({ seq, data }) => [seq, data]);

  it('P41: its changes are events in its order, with consecutive seqs and offsets', async () => {
    const channel = newChannel();
    const { reader } = await kit.live(channel, { query: 'with=from,seq' });
    await using _ = reader;
    await taken(channel, linesWith('a', 'b', 'c'), 7);
    await taken(channel, packedWith('d', 'e'), 10);
    const events = await kit.settled(channel, 5);
    const expected = ['a', 'b', 'c', 'd', 'e'].map((data, i) => ({ from: shownOf('a.1'), seq: 7 + i, data }));
    assert.deepEqual(
      events.map(({ from, seq, data }) => ({ from, seq, data })),
      expected,
    );
    for (const one of expected) assert.deepEqual(JSON.parse((await reader.next()).data!), one);
  });

  it('P41: a change has any text in NDJSON, line feeds too, and any bytes in MessagePack', async () => {
    const channel = newChannel();
    const texts = ['two\nlines', '\r\n', '\0', '"', '\\n', '{"a":1}', ' ', '\ufeff', '\u2028', '山田 😀', '\x7f'];
    await taken(channel, linesWith(...texts), 1);
    const bytes = [Buffer.from([0]), Buffer.from([0xff, 0xc0]), Buffer.from('\n'), Buffer.from([0xed, 0xa0, 0x80])];
    await taken(channel, packedWith(...bytes), 1 + texts.length);
    const events = await kit.settled(channel, texts.length + bytes.length);
    assert.deepEqual(events.map(bytesOf), [...texts.map((text) => Buffer.from(text)), ...bytes]);
  });

  it('P41: NDJSON may end without a line feed, or have CR LF, escapes and any Content-Type but one', async () => {
    const channel = newChannel();
    const body = '"a"\r\n"\\ud83d\\ude00\\u0041"\n"c" ';
    const types = ['text/plain;charset=UTF-8', 'application/x-www-form-urlencoded', 'application/json', 'text'];
    for (const [i, type] of types.entries()) {
      const sending = { from: 'a.1', seq: 1 + 3 * i, headers: { 'content-type': type } };
      assert.equal((await postBatch(kit, channel, body, sending)).status, 204, type);
    }
    const texts = (await kit.settled(channel, 3 * types.length)).map(({ data }) => data);
    assert.deepEqual(
      texts,
      types.flatMap(() => ['a', '😀A', 'c']),
    );
  });

  it('P41: MessagePack is known by any of its names, and each length of its heads is read', async () => {
    const channel = newChannel();
    const long = 'x'.repeat(300);
    const short = Buffer.concat([
      Buffer.from([
        0x96, 0xa1, 0x61, 0xd9, 1, 0x62, 0xda, 0, 1, 0x63, 0xdb, 0, 0, 0, 1, 0x64, 0xc4, 1, 0x65, 0xc5, 1, 44,
      ]),
      Buffer.from(long),
    ]);
    const longest = Buffer.concat([Buffer.from([0xdd, 0, 0, 0, 1]), binary(Buffer.from('f'))]);
    const names = [
      'application/vnd.msgpack',
      'application/x-msgpack',
      'Application/MsgPack; v=5',
      MSGPACK['content-type'],
    ];
    for (const [i, type] of names.entries()) {
      const headers = { 'content-type': type };
      for (const [body, seq] of [
        [short, 1],
        [longest, 7],
      ] as const) {
        assert.equal((await postBatch(kit, channel, body, { from: `a.${i}`, seq, headers })).status, 204, type);
      }
    }
    const texts = (await kit.settled(channel, 7 * names.length)).map((event) => bytesOf(event).toString());
    assert.deepEqual(
      texts,
      names.flatMap(() => ['a', 'b', 'c', 'd', 'e', long, 'f']),
    );
  });

  it('P41: a repeat of a batch, whole, in part or as single changes, gives each change once', async () => {
    const channel = newChannel();
    await taken(channel, linesWith('1', '2', '3'), 1);
    await taken(channel, linesWith('1', '2', '3'), 1);
    await taken(channel, packedWith('2', '3', '4', '5'), 2);
    assert.equal((await kit.post(channel, '5', { from: 'a.1', seq: 5 })).status, 204);
    assert.equal((await kit.post(channel, '6', { from: 'a.1', seq: 6 })).status, 204);
    await taken(channel, linesWith('3', '4', '5', '6'), 3);
    await taken(channel, linesWith('6', '7'), 6);
    await kit.send(channel, 'end');
    const expected: unknown[] = [1, 2, 3, 4, 5, 6, 7].map((seq) => [seq, String(seq)]);
    assert.deepEqual(await seqsOf(channel, 8), [...expected, [undefined, 'end']]);
  });

  it('P41: twenty copies sent at once, shifted against each other, are merged once', async () => {
    const channel = newChannel();
    const all = Array.from({ length: 12 }, (_, i) => String(i + 1));
    await taken(channel, linesWith(all[0]!), 1);
    const copies = Array.from({ length: 20 }, (_, i) => {
      const from = 1 + (i % 2);
      return taken(channel, i % 3 === 0 ? packedWith(...all.slice(from - 1)) : linesWith(...all.slice(from - 1)), from);
    });
    await Promise.all(copies);
    await kit.send(channel, 'end');
    assert.deepEqual(
      (await kit.settled(channel, 13)).map(({ data }) => data),
      [...all, 'end'],
    );
  });

  it('P41: batches of many publishers at once each stay together', async () => {
    const channel = newChannel();
    const size = 10;
    const froms = Array.from({ length: 12 }, (_, i) => `p${i}.x`);
    const texts = Array.from({ length: size }, (_, i) => String(i + 1));
    await Promise.all(
      froms.flatMap((from) => [taken(channel, linesWith(...texts), 1, from), kit.send(channel, 'between')]),
    );
    const events = await kit.settled(channel, froms.length * (size + 1));
    for (const from of froms) {
      const first = events.findIndex((event) => event.from === shownOf(from));
      assert.deepEqual(
        events.slice(first, first + size).map((event) => [event.from, event.seq, event.data]),
        texts.map((data, i) => [shownOf(from), i + 1, data]),
      );
    }
  });

  it('P41: PUT, headers and chunks do as well, and batch=0 is one change', async () => {
    const channel = newChannel();
    const body = linesWith('a', 'b');
    assert.equal((await postBatch(kit, channel, body, { method: 'PUT', from: 'a.1', seq: 1 })).status, 204);
    const headers = { 'change-from': 'a.1', 'change-seq': '3', 'transfer-encoding': 'chunked' };
    assert.equal((await postBatch(kit, channel, body, { headers })).status, 204);
    assert.equal((await postBatch(kit, channel, body, { batch: '0' })).status, 204);
    assert.deepEqual(await seqsOf(channel, 5), [
      ...['a', 'b', 'a', 'b'].map((data, i) => [i + 1, data]),
      [undefined, body],
    ]);
  });

  it(`P41: ${BATCH_MAX_CHANGES} changes, or ${BATCH_MAX_BYTES} bytes, are a batch; the largest seq is its last`, async () => {
    const channel = newChannel();
    const most = Array.from({ length: BATCH_MAX_CHANGES }, (_, i) => `change ${i}`);
    await taken(channel, linesWith(...most), 1);
    const large = 'y'.repeat(MAX_CHANGE_BYTES);
    const count = Math.floor(BATCH_MAX_BYTES / linesWith(large).length);
    const rest = BATCH_MAX_BYTES - count * linesWith(large).length;
    const largest = [...Array<string>(count).fill(large), 'z'.repeat(rest - linesWith('').length)];
    assert.equal(linesWith(...largest).length, BATCH_MAX_BYTES);
    await taken(channel, linesWith(...largest), 1, 'b.1');
    await taken(channel, linesWith('a', 'b'), Number.MAX_SAFE_INTEGER - 1, 'c.1');
    const events = await kit.settled(channel, most.length + largest.length + 2);
    assert.deepEqual(
      events.map(({ data }) => data),
      [...most, ...largest, 'a', 'b'],
    );
    assert.equal(events.at(-1)!.seq, Number.MAX_SAFE_INTEGER);
  });
}
