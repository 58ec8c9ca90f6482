/** Bad input: each is answered with a problem that says what is right, and nothing has changed (P1–P4, P9). */
import assert from 'node:assert/strict';
import type { OutgoingHttpHeaders } from 'node:http';
import { after, before, describe } from 'node:test';
import { shownOf } from '../../../loadtest/ledger/shown-from.ts';
import { request, requestRaw } from '../../support/http.ts';
import { assertProblem, type Envelope, type Kit, MAX_CHANGE_BYTES, newChannel } from './kit.ts';

/** As written in a request line. */
const badNames: readonly (readonly [what: string, path: string])[] = [
  ['nothing', ''],
  ['65 characters', 'a'.repeat(65)],
  ['4,000 characters', 'a'.repeat(4_000)],
  ['a way up', '..%2fx'],
  ['a dot first', '.x'],
  ['a hyphen first', '-a'],
  ['an underscore first', '_a'],
  ['braces', '{a}'],
  ['encoded braces', '%7ba%7d'],
  ['an encoded blank', 'a%20b'],
  ['a plus', 'a+b'],
  ['a line feed', '%0a'],
  ['a line feed at the end', 'a%0a'],
  ['CR LF', 'a%0d%0aX-Y:%20z'],
  ['NUL', 'a%00'],
  ['a colon', 'a:b'],
  ['a star', 'a*'],
  ['a dollar', '$a'],
  ['a tilde', 'a~'],
  ['non-ASCII', 'caf%c3%a9'],
  ['a full-width letter', '%ef%bc%a1'],
  ['an emoji', '%f0%9f%98%80'],
];
const brokenNames = ['%', 'a%', '%zz', 'a%2', '%c3%28', '%ff'];

const badFroms: readonly (readonly [what: string, from: string])[] = [
  ['empty', ''],
  ['no dot', 'alice'],
  ['two dots', 'a.b.c'],
  ['a dot at the end', 'alice.'],
  ['a dot in front', '.k3f9'],
  ['a dot alone', '.'],
  ['a blank', 'al ice.k3f9'],
  ['a blank around', ' alice.k3f9'],
  ['200 characters', `${'a'.repeat(100)}.${'b'.repeat(99)}`],
  ['41 characters in front', `${'a'.repeat(41)}.b`],
  ['41 characters behind', `a.${'b'.repeat(41)}`],
  ['a colon', 'a:b.c'],
  ['what others are shown', shownOf('a.1')],
  ['non-ASCII', 'é.1'],
  ['a line feed', 'a.1\n'],
  ['NUL', 'a.\0'],
];

const badSeqs = ['', '0', '-1', '+1', '1e3', '1.0', '01', '0x1', ' 1', '1 ', 'x', 'NaN', 'Infinity', '٣'];
const largeSeqs = ['9007199254740992', '9007199254740993', '99999999999999999999', '1'.repeat(400)];

const EARLY_TRIES = 3;

export function badInputTests(kit: Kit): void {
  const { it } = kit;
  let witness: string;
  let kept: readonly Envelope[];

  before(async () => {
    witness = newChannel();
    assert.equal((await kit.post(witness, 'x', { from: 'a.1', seq: 1 })).status, 204);
    kept = await kit.settled(witness, 1);
  });

  after(async () => {
    // What is merged comes in order: had any of the refused been taken, it would be in front of this one.
    assert.equal((await kit.post(witness, 'end', { from: 'a.1', seq: 2 })).status, 204);
    const events = await kit.settled(witness, 2);
    assert.equal(events.length, 2);
    assert.deepEqual(events[0], kept[0]);
    assert.deepEqual([events[1]!.data, events[1]!.from, events[1]!.seq], ['end', shownOf('a.1'), 2]);
  });

  async function refused(query: string, status: number, code: string, init: Init = {}): Promise<void> {
    const { method = 'POST', headers = {}, body = 'x' } = init;
    assertProblem(await request(kit.postUrl(), `/c/${witness}${query}`, { method, headers, body }), status, code);
  }

  /** A proxy that hands on an early answer may close with bytes unread: a reset can take the answer away, and one asks again. */
  async function refusedEarly(init: Init): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await refused('', 413, 'change_too_large', init);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (tries === EARLY_TRIES || (code !== 'ECONNRESET' && code !== 'EPIPE')) throw error;
      }
    }
  }

  interface Init {
    readonly method?: string;
    readonly headers?: OutgoingHttpHeaders;
    readonly body?: Uint8Array | string;
  }

  describe('channel names', () => {
    for (const [what, name] of badNames) {
      it(`P2: ${what} is 400 wherever a channel is named`, async () => {
        for (const method of ['POST', 'PUT']) {
          const answer = await request(kit.postUrl(), `/c/${name}?from=a.1&seq=1`, { method, body: 'x' });
          assertProblem(answer, 400, 'bad_channel');
        }
        for (const path of ['events', 'state', 'history']) {
          assertProblem(await kit.get(`/c/${name}/${path}`), 400, 'bad_channel');
        }
        assertProblem(await kit.get(`/c/${witness},${name}/events`), 400, 'bad_channel');
      });
    }

    it('P2: broken percent-encoding is 400', async () => {
      for (const name of brokenNames) {
        assertProblem(await request(kit.postUrl(), `/c/${name}`, { method: 'POST', body: 'x' }), 400, 'bad_request');
        for (const path of ['events', 'state', 'history']) {
          assertProblem(await kit.get(`/c/${name}/${path}`), 400, 'bad_request');
        }
      }
    });

    it('P2: a blank or a line feed in the request line is 400, and the connection ends', async () => {
      for (const name of ['a b', 'a\tb', 'é', 'a\0b']) {
        const text = await requestRaw(
          kit.postUrl(),
          `POST /c/${name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx`,
        );
        assert.match(text, /^HTTP\/1\.1 400 /, JSON.stringify(name));
        assert.match(text, /content-type: application\/problem\+json/i);
      }
    });

    it('P2: a way above the root is not walked', async () => {
      assertProblem(await request(kit.postUrl(), '/../etc/passwd', { method: 'POST', body: 'x' }), 404);
    });

    it('P2: a way up in the path is not walked', async () => {
      for (const path of ['/c/../x', '/c/a/../x', '/c/./x', '/c//x']) {
        assertProblem(await request(kit.postUrl(), path, { method: 'POST', body: 'x' }), 404);
      }
      assert.deepEqual((await kit.history('x')).events, []);
    });

    it('P9: 17 channels, the same one twice, and empty ones are 400', async () => {
      const names = Array.from({ length: 17 }, (_, i) => `c${i}`);
      assertProblem(await kit.get(`/c/${names.join(',')}/events`), 400, 'too_many_channels');
      assertProblem(await kit.get('/c/a,a/events'), 400, 'repeated_channel');
      assertProblem(await kit.get('/c/a,b,a/events?format=json'), 400, 'repeated_channel');
      for (const list of ['a,', ',a', 'a,,b', ','])
        assertProblem(await kit.get(`/c/${list}/events`), 400, 'bad_channel');
    });

    it('P2: sending, state and history are of one channel', async () => {
      for (const path of ['/c/a,b/state', '/c/a,b/history']) assertProblem(await kit.get(path), 400, 'bad_channel');
      assertProblem(await request(kit.postUrl(), '/c/a,b', { method: 'POST', body: 'x' }), 400, 'bad_channel');
    });
  });

  describe('the change', () => {
    it('P3: an empty body is 400, declared or not', async () => {
      await refused('', 400, 'empty_change', { body: '' });
      await refused('?from=a.1&seq=5', 400, 'empty_change', { body: '' });
      await refused('', 400, 'empty_change', { headers: { 'transfer-encoding': 'chunked' }, body: '' });
      const text = await requestRaw(
        kit.postUrl(),
        `POST /c/${witness} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      );
      assert.match(text, /^HTTP\/1\.1 400 [\s\S]*"code":"empty_change"/);
    });

    it('P3: one byte over the limit, and 300 KB, are 413', async () => {
      for (const bytes of [MAX_CHANGE_BYTES + 1, 300_000]) {
        const body = Buffer.alloc(bytes, 'x');
        await refusedEarly({ body });
        await refusedEarly({ body, headers: { 'transfer-encoding': 'chunked' } });
      }
    });

    it('P3: a Content-Encoding is 415', async () => {
      for (const coding of ['gzip', 'br', 'x']) {
        await refused('', 415, 'unsupported_encoding', { headers: { 'content-encoding': coding } });
      }
    });
  });

  describe('from and seq', () => {
    for (const [what, from] of badFroms) {
      it(`P4: from: ${what} is 400`, async () => {
        await refused(`?from=${encodeURIComponent(from)}&seq=5`, 400, 'bad_from');
        await refused(`?from=${encodeURIComponent(from)}`, 400, 'bad_from');
        if (/^[\x21-\x7e][\x20-\x7e]*$/.test(from)) {
          await refused('', 400, 'bad_from', { headers: { 'change-from': from, 'change-seq': '5' } });
        }
      });
    }

    it('P4: what is no seq is 400, in the query and as a header', async () => {
      for (const seq of [...badSeqs, ...largeSeqs]) {
        await refused(`?from=a.1&seq=${encodeURIComponent(seq)}`, 400, 'bad_seq');
        if (/^[\x21-\x7e]+$/.test(seq)) {
          await refused('?from=a.1', 400, 'bad_seq', { headers: { 'change-seq': seq } });
        }
      }
    });

    it('P4: seq without from is 400', async () => {
      await refused('?seq=5', 400, 'seq_without_from');
      await refused('', 400, 'seq_without_from', { headers: { 'change-seq': '5' } });
    });

    it('P4: PUT without both is 400', async () => {
      await refused('', 400, 'put_without_seq', { method: 'PUT' });
      await refused('?from=a.1', 400, 'put_without_seq', { method: 'PUT' });
      await refused('?seq=5', 400, 'seq_without_from', { method: 'PUT' });
    });

    it('P4: a bad value in the query is not mended by a good header', async () => {
      const headers = { 'change-from': 'a.1', 'change-seq': '5' };
      await refused('?from=x', 400, 'bad_from', { headers });
      await refused('?seq=0', 400, 'bad_seq', { headers });
    });

    it('P1: a parameter given twice is 400, even if it says the same', async () => {
      await refused('?from=a.1&from=a.1&seq=5', 400, 'repeated_parameter');
      await refused('?from=a.1&seq=5&seq=5', 400, 'repeated_parameter');
      await refused('?from=a.1&fro%6d=a.1', 400, 'repeated_parameter');
    });

    it('P4: a parameter that is nearly from or seq is 400; one that is nothing like them is ignored', async () => {
      for (const name of ['form', 'frm', 'fromm', 'From', 'FROM', 'sqe', 'se', 'seqq', 'Seq', 'esq']) {
        await refused(`?from=a.1&seq=5&${name}=1`, 400, 'bad_parameter');
        await refused(`?${name}=a.1`, 400, 'bad_parameter');
      }
      for (const name of ['x', 'sequence', 'trace', 'token', 'v', 'room', 'sender']) {
        const answer = await request(kit.postUrl(), `/c/${newChannel()}?from=a.1&seq=5&${name}=1`, {
          method: 'POST',
          body: 'x',
        });
        assert.equal(answer.status, 204, name);
      }
    });

    it('P1: a header given twice is 400', async () => {
      await refused('', 400, 'bad_from', { headers: { 'change-from': ['a.1', 'b.1'], 'change-seq': '5' } });
      await refused('', 400, 'bad_seq', { headers: { 'change-from': 'a.1', 'change-seq': ['5', '6'] } });
    });
  });
}
