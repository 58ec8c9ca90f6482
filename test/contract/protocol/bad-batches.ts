/** What is no batch is refused whole, whatever in it is right: with a problem, and nothing has changed (P1, P41). */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { request } from '../../support/http.ts';
import { binary, linesWith, MSGPACK, packedWith, postBatch } from './batch-kit.ts';
import { assertProblem, BATCH_MAX_BYTES, BATCH_MAX_CHANGES, type Kit, MAX_CHANGE_BYTES, newChannel } from './kit.ts';

const large = 'y'.repeat(MAX_CHANGE_BYTES + 1);

/** Each has at least one change in it that would be right alone. */
const bodies: readonly (readonly [what: string, status: number, code: string, body: string | Uint8Array])[] = [
  ['an empty change', 400, 'empty_change', linesWith('a', '', 'b')],
  ['an empty change at the end', 400, 'empty_change', linesWith('a', '')],
  ['an empty binary', 400, 'empty_change', packedWith('a', '')],
  ['a change that is too large', 413, 'change_too_large', linesWith('a', large)],
  ['a binary that is too large', 413, 'change_too_large', packedWith('a', large)],
  ['an empty line', 400, 'bad_batch', '"a"\n\n"b"\n'],
  ['a line feed too many', 400, 'bad_batch', '"a"\n\n'],
  ['a blank in front', 400, 'bad_batch', ' "a"\n'],
  ['a BOM in front', 400, 'bad_batch', '\ufeff"a"\n'],
  ['bare text', 400, 'bad_batch', '"a"\nb\n'],
  ['a string without its end', 400, 'bad_batch', '"a"\n"b'],
  ['a string with a line feed in it', 400, 'bad_batch', '"a"\n"b\nc"\n'],
  ['two strings in a line', 400, 'bad_batch', '"a"\n"b" "c"\n'],
  ['a control character', 400, 'bad_batch', '"a"\n"\x01"\n'],
  ['an escape that is none', 400, 'bad_batch', '"a"\n"\\x"\n'],
  ['lines that are no UTF-8', 400, 'bad_batch', Buffer.from('"a"\n"\xff"\n', 'latin1')],
  ['a number', 422, 'not_a_change', '"a"\n1\n'],
  ['an object', 422, 'not_a_change', '"a"\n{"data":"b"}\n'],
  ['an array of all', 422, 'not_a_change', '["a","b"]'],
  ['null', 422, 'not_a_change', '"a"\nnull\n'],
  ['half a surrogate pair', 422, 'not_a_change', '"a"\n"\\ud800"\n'],
];

const packed: readonly (readonly [what: string, status: number, code: string, body: Uint8Array])[] = [
  [
    'an array that is shorter than it says',
    400,
    'bad_batch',
    Buffer.concat([Buffer.from([0x93]), binary(Buffer.from('a'))]),
  ],
  [
    'an array that says four thousand million',
    400,
    'bad_batch',
    Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff, 0xa1, 0x61]),
  ],
  [
    'a binary that is shorter than it says',
    400,
    'bad_batch',
    Buffer.from([0x92, 0xa1, 0x61, 0xc6, 0xff, 0xff, 0xff, 0xff, 1]),
  ],
  ['a head that is cut', 400, 'bad_batch', Buffer.from([0x92, 0xa1, 0x61, 0xc6, 0])],
  ['more behind the array', 400, 'bad_batch', Buffer.concat([packedWith('a'), Buffer.from([0x90])])],
  ['an empty array', 400, 'bad_batch', Buffer.from([0x90])],
  ['a binary alone', 400, 'bad_batch', binary(Buffer.from('a'))],
  ['NDJSON', 400, 'bad_batch', Buffer.from(linesWith('a'))],
  ['nil in it', 422, 'not_a_change', Buffer.from([0x92, 0xa1, 0x61, 0xc0])],
  ['an array in it', 422, 'not_a_change', Buffer.from([0x92, 0xa1, 0x61, 0x91, 0xa1, 0x61])],
];

export function badBatchesTests(kit: Kit): void {
  const { it } = kit;
  let witness: string;

  before(async () => {
    witness = newChannel();
    assert.equal((await kit.post(witness, 'first', { from: 'a.1', seq: 1 })).status, 204);
  });

  after(async () => {
    // What is merged comes in order: had any of the refused been taken, it would be in front of this one.
    assert.equal((await kit.post(witness, 'last', { from: 'a.1', seq: 2 })).status, 204);
    assert.deepEqual(
      (await kit.settled(witness, 2)).map(({ data }) => data),
      ['first', 'last'],
    );
  });

  for (const [what, status, code, body] of bodies) {
    it(`P41: ${what} is ${status}`, async () => {
      const headers = typeof body === 'string' || code !== 'bad_batch' ? {} : { 'content-type': 'text/plain' };
      assertProblem(await postBatch(kit, witness, body, { from: 'a.1', seq: 2, headers }), status, code);
    });
  }

  for (const [what, status, code, body] of packed) {
    it(`P41: in MessagePack ${what} is ${status}`, async () => {
      assertProblem(await postBatch(kit, witness, body, { from: 'a.1', seq: 2, headers: MSGPACK }), status, code);
    });
  }

  it('P41: an empty body is 400', async () => {
    assertProblem(await postBatch(kit, witness, '', { from: 'a.1', seq: 2 }), 400, 'bad_batch');
  });

  it('P41: one change or one byte more than a batch may have is 413, with or without Content-Length', async () => {
    const many = Array.from({ length: BATCH_MAX_CHANGES + 1 }, () => 'x');
    const heavy = linesWith(...Array<string>(BATCH_MAX_BYTES >> 9).fill('y'.repeat(600)));
    for (const body of [linesWith(...many), packedWith(...many), heavy.slice(0, BATCH_MAX_BYTES + 1)]) {
      for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
        assertProblem(await postBatch(kit, witness, body, { from: 'a.1', seq: 2, headers }), 413, 'batch_too_large');
      }
    }
  });

  it('P3: without batch=1 a body may have no more than a change', async () => {
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
      for (const length of [MAX_CHANGE_BYTES + 1, BATCH_MAX_BYTES, BATCH_MAX_BYTES + 1]) {
        const answer = await kit.post(witness, 'y'.repeat(length), { from: 'a.1', seq: 2, headers });
        assertProblem(answer, 413, 'change_too_large');
      }
    }
  });

  it('P41: without seq, or with one that leaves no room for all, is 400', async () => {
    const body = linesWith('a', 'b');
    assertProblem(await postBatch(kit, witness, body, { from: 'a.1' }), 400, 'batch_without_seq');
    assertProblem(await postBatch(kit, witness, body, {}), 400, 'batch_without_seq');
    const seq = Number.MAX_SAFE_INTEGER;
    assertProblem(await postBatch(kit, witness, body, { from: 'a.1', seq }), 400, 'bad_seq');
  });

  it('P4: what is nearly batch, or another value of it, is 400', async () => {
    const queries = ['batch=', 'batch=2', 'batch=true', 'Batch=1', 'bach=1', 'batchs=1', 'bathc=1', 'batch=1&batch=1'];
    for (const query of queries) {
      const init = { method: 'POST', body: linesWith('a') };
      const answer = await request(kit.postUrl(), `/c/${witness}?from=a.1&seq=2&${query}`, init);
      assertProblem(answer, 400);
    }
  });
}
