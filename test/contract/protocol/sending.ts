/** Sending a change: what is accepted, what the answer means, and how often and in which order it is merged (P3–P8). */
import assert from 'node:assert/strict';
import { shownOf } from '../../../loadtest/ledger/shown-from.ts';
import { request } from '../../support/http.ts';
import { bytesOf, type Kit, MAX_CHANGE_BYTES, newChannel } from './kit.ts';

export function sendingTests(kit: Kit): void {
  const { it } = kit;

  const textsOf = async (channel: string, count: number) =>
    (await kit.settled(channel, count)).map((event) => bytesOf(event).toString());

  it('P3: the body is the change whatever its Content-Type', async () => {
    const channel = newChannel();
    const types = ['application/x-www-form-urlencoded', 'application/json', 'multipart/form-data', 'text', '', '/;=,'];
    const body = '{"a": 1}&b=%20\u00e9';
    for (const type of types) {
      const answer = await kit.post(channel, body, { headers: { 'content-type': type } });
      assert.equal(answer.status, 204, type);
    }
    assert.equal((await kit.post(channel, body)).status, 204);
    assert.deepEqual(await textsOf(channel, types.length + 1), Array(types.length + 1).fill(body));
  });

  it(`P3: a change has 1 to ${MAX_CHANGE_BYTES} bytes, with or without Content-Length`, async () => {
    const channel = newChannel();
    const largest = 'y'.repeat(MAX_CHANGE_BYTES);
    await kit.send(channel, 'x', largest);
    const chunked = await kit.post(channel, largest, { headers: { 'transfer-encoding': 'chunked' } });
    assert.equal(chunked.status, 204);
    assert.deepEqual(await textsOf(channel, 3), ['x', largest, largest]);
  });

  it('P4: from and seq come in the query or as headers, and the query wins', async () => {
    const channel = newChannel();
    const headers = { 'change-from': 'header.1', 'change-seq': '7' };
    assert.equal((await kit.post(channel, 'a', { headers })).status, 204);
    assert.equal((await kit.post(channel, 'b', { headers, from: 'query.1', seq: 3 })).status, 204);
    assert.equal((await kit.post(channel, 'c', { headers: { 'change-seq': '8' }, from: 'header.1' })).status, 204);
    const events = await kit.settled(channel, 3);
    assert.deepEqual(
      events.map(({ from, seq, data }) => ({ from, seq, data })),
      [
        { from: shownOf('header.1'), seq: 7, data: 'a' },
        { from: shownOf('query.1'), seq: 3, data: 'b' },
        { from: shownOf('header.1'), seq: 8, data: 'c' },
      ],
    );
  });

  it('P4: from without seq is told to readers and protects from nothing', async () => {
    const channel = newChannel();
    assert.equal((await kit.post(channel, 'a', { from: 'bob.1' })).status, 204);
    assert.equal((await kit.post(channel, 'a', { from: 'bob.1' })).status, 204);
    const events = await kit.settled(channel, 2);
    assert.deepEqual(
      events.map(({ from, seq }) => ({ from, seq })),
      Array(2).fill({ from: shownOf('bob.1'), seq: undefined }),
    );
  });

  it('P4: every from and seq that the pattern allows is taken, the longest and the largest too', async () => {
    const channel = newChannel();
    const long = `${'n'.repeat(40)}.${'-'.repeat(40)}`;
    const froms = ['a.b', '_.-', '0.0', long];
    for (const from of froms) assert.equal((await kit.post(channel, 'x', { from, seq: 1 })).status, 204, from);
    assert.equal((await kit.post(channel, 'x', { from: long, seq: Number.MAX_SAFE_INTEGER })).status, 204);
    const events = await kit.settled(channel, 5);
    assert.deepEqual(
      events.map(({ from, seq }) => [from, seq]),
      [...froms.map((from) => [shownOf(from), 1]), [shownOf(long), Number.MAX_SAFE_INTEGER]],
    );
  });

  it('P4: PUT is the same as POST', async () => {
    const channel = newChannel();
    for (const method of ['PUT', 'POST', 'PUT'] as const) {
      assert.equal((await kit.post(channel, 'x', { method, from: 'a.1', seq: 1 })).status, 204);
    }
    assert.equal((await kit.post(channel, 'y', { method: 'PUT', from: 'a.1', seq: 2 })).status, 204);
    assert.deepEqual(await textsOf(channel, 2), ['x', 'y']);
  });

  it('P5: accepted is 204, without a body, whether it is new or a repeat', async () => {
    const channel = newChannel();
    for (let i = 0; i < 2; i++) {
      const answer = await kit.post(channel, 'x', { from: 'a.1', seq: 1 });
      assert.equal(answer.status, 204);
      assert.equal(answer.body.length, 0);
      for (const name of ['content-length', 'content-type', 'transfer-encoding']) {
        assert.equal(answer.headers[name], undefined, name);
      }
    }
  });

  it('P5: parameters that the path does not know are ignored', async () => {
    const channel = newChannel();
    const answer = await request(kit.postUrl(), `/c/${channel}?sequence=0&x=1&x=2&since=a&%00`, {
      method: 'POST',
      body: 'x',
    });
    assert.equal(answer.status, 204);
    assert.deepEqual(await textsOf(channel, 1), ['x']);
  });

  it('P7: a seq that is not above the last merged one is dropped, whatever its bytes', async () => {
    const channel = newChannel();
    const sent = [1, 1, 2, 1, 2, 5, 3, 4, 5, 6];
    for (const [i, seq] of sent.entries()) {
      assert.equal((await kit.post(channel, `${seq}/${i}`, { from: 'a.1', seq })).status, 204);
    }
    await kit.send(channel, 'end');
    assert.deepEqual(await textsOf(channel, 5), ['1/0', '2/2', '5/5', '6/9', 'end']);
  });

  it('P7: twenty copies sent at once are merged once', async () => {
    const channel = newChannel();
    const copies = Array.from({ length: 20 }, () => kit.post(channel, 'x', { from: 'a.1', seq: 1 }));
    for (const { status } of await Promise.all(copies)) assert.equal(status, 204);
    await kit.send(channel, 'end');
    assert.deepEqual(await textsOf(channel, 2), ['x', 'end']);
  });

  it('P7: seq is counted per publisher, nonce included, and per channel', async () => {
    const [one, other] = [newChannel(), newChannel()];
    for (const channel of [one, other]) {
      for (const from of ['a.1', 'a.2', 'b.1']) {
        assert.equal((await kit.post(channel, from, { from, seq: 1 })).status, 204);
      }
    }
    assert.deepEqual(await textsOf(one, 3), ['a.1', 'a.2', 'b.1']);
    assert.deepEqual(await textsOf(other, 3), ['a.1', 'a.2', 'b.1']);
  });

  it('P7: without seq each request is merged once', async () => {
    const channel = newChannel();
    await Promise.all(Array.from({ length: 20 }, () => kit.send(channel, 'x')));
    await kit.send(channel, 'end');
    assert.deepEqual(await textsOf(channel, 21), [...Array(20).fill('x'), 'end']);
  });

  it('P8: what was answered before another was sent comes before it, whoever sent it', async () => {
    const channel = newChannel();
    const expected: string[] = [];
    for (let i = 0; i < 60; i++) {
      const from = `p${i % 7}.1`;
      assert.equal((await kit.post(channel, String(i), { from, seq: i + 1 })).status, 204);
      expected.push(String(i));
    }
    assert.deepEqual(await textsOf(channel, 60), expected);
  });

  it('P8: many publishers at once, each in the order of its seq', async () => {
    const channel = newChannel();
    const publish = async (from: string) => {
      for (let seq = 1; seq <= 25; seq++) {
        assert.equal((await kit.post(channel, String(seq), { from, seq })).status, 204);
      }
    };
    const froms = Array.from({ length: 12 }, (_, i) => `p${i}.x`);
    await Promise.all(froms.map(publish));
    const events = await kit.settled(channel, 300);
    const inOrder = Array.from({ length: 25 }, (_, i) => i + 1);
    for (const from of froms) {
      assert.deepEqual(
        events.filter((event) => event.from === shownOf(from)).map(({ seq }) => seq),
        inOrder,
        from,
      );
    }
  });
}
