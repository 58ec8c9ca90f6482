/**
 * How often one may send: by address, whichever way a POST comes in, and whoever says whose it is. What is refused was not accepted, and
 * the very same is accepted a little later.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { anonymousAccess } from '../../src/access/anonymous.ts';
import { createLimits } from '../../src/access/limiter.ts';
import { systemClock } from '../../src/clock.ts';
import { linesWith } from '../contract/protocol/batch-kit.ts';
import { openBench } from '../fuzz/post-bench.ts';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { ask } from '../support/ask.ts';
import { assertTooMany, from, noLimits, posting } from '../support/limits.ts';
import { bearer, SECRET } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';

const segments = [1, 2] as const;

describe('POSTs of an address', { concurrency: 8 }, () => {
  let server: LocalApp;
  before(async () => {
    server = await startLocalApp({ TRUST_PROXY: '127.0.0.1,10.0.0.0/8', MAX_POSTS_PER_S_PER_ADDRESS: '1' });
  });
  after(() => server[Symbol.asyncDispose]());

  /** Sends until one is refused, which the second is unless a second has passed between them. */
  async function refused(parts: () => readonly string[]): Promise<string> {
    return waitFor(
      async () => {
        const answer = await ask(server.port, parts());
        return / 429 /.test(answer) ? answer : '';
      },
      { what: 'a 429' },
    );
  }

  for (const [i, first] of segments.entries()) {
    for (const [j, other] of segments.entries()) {
      it(`are one bucket for POSTs in ${first} and in ${other}`, async () => {
        const mine = from(`192.0.2.${i * 2 + j}`);
        const turns = [first, other];
        let n = 0;
        const answers: boolean[] = [];
        assertTooMany(
          await waitFor(
            async () => {
              const answer = await ask(server.port, posting(turns[n++ % 2]!, '/c/a', mine));
              answers.push(/ 204 /.test(answer));
              return / 429 /.test(answer) ? answer : '';
            },
            { what: 'a 429' },
          ),
        );
        assert.equal(answers[0], true);
        assert.match(await ask(server.port, posting(other, '/c/a', from(`192.0.2.${100 + i * 2 + j}`))), / 204 /);
      });
    }
  }

  for (const count of segments) {
    it(`in ${count}, one that was refused was not accepted, and is a little later, once`, async () => {
      const mine = from(`198.51.100.${count}`);
      const channel = `once-${count}`;
      await refused(() => posting(count, `/c/other-${count}`, mine));
      const parts = posting(count, `/c/${channel}?from=alice.n1&seq=1`, mine);
      let tries = 0;
      await waitFor(
        async () => {
          tries++;
          return / 204 /.test(await ask(server.port, parts));
        },
        { what: 'the same to be accepted', everyMs: 20 },
      );
      assert.ok(tries >= 1);
      const history = async () =>
        (await (await fetch(`${server.url}/c/${channel}/history`)).json()) as { events: unknown[] };
      await waitFor(async () => (await history()).events.length > 0, { what: 'it to be merged' });
      assert.equal((await history()).events.length, 1);
    });

    it(`in ${count}, are those of the last address that is no proxy of ours`, async () => {
      const last = (address: string, n: number) => posting(count, '/c/a', from(`6.6.6.${n}`, address, '10.0.0.1'));
      let n = 0;
      await refused(() => last(`203.0.113.${count}`, n++));
      assert.match(await ask(server.port, last(`203.0.113.${count + 10}`, n)), / 204 /);
    });

    it(`in ${count}, of IPv6 are those of its /64`, async () => {
      let n = 0;
      await refused(() => posting(count, '/c/a', from(`2001:db8:${count}:0:${++n}::1`)));
      assert.match(await ask(server.port, posting(count, '/c/a', from(`2001:db8:${count}:1::1`))), / 204 /);
    });

    it(`in ${count}, of an address in IPv6's clothes are that address's`, async () => {
      const ways = [`192.0.2.${200 + count}`, `::ffff:192.0.2.${200 + count}`];
      let n = 0;
      await refused(() => posting(count, '/c/a', from(ways[n++ % 2]!)));
    });

    it(`in ${count}, PUTs count as well`, async () => {
      let seq = 0;
      assertTooMany(
        await refused(() => {
          const parts = posting(count, `/c/a?from=put${count}.n1&seq=${++seq}`, from(`192.0.2.${210 + count}`));
          return parts.map((part) => part.replace('POST', 'PUT'));
        }),
      );
    });

    it(`in ${count}, of this machine itself are not counted`, async () => {
      for (let i = 0; i < 5; i++) assert.match(await ask(server.port, posting(count, '/c/a', '')), / 204 /);
    });
  }

  it('that are refused are counted', async () => {
    await refused(() => posting(1, '/c/a', from('192.0.2.250')));
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    assert.match(metrics, /^smallchange_limited_total\{limit="posts_per_address"\} [1-9]/m);
    assert.match(metrics, /^smallchange_problems_total\{code="too_many_changes"\} [1-9]/m);
  });
});

describe('without TRUST_PROXY', () => {
  const post = (count: 1 | 2, address: string, forwarded: string) => ({
    pieces: posting(count, '/c/a', from(forwarded)),
    isEnded: false,
    address,
  });

  for (const count of segments) {
    it(`in ${count}, whoever says that he asks for another is counted himself`, async () => {
      const limits = createLimits({ ...noLimits, maxPostsPerSPerAddress: 1 }, { clock: systemClock, onReached() {} });
      const bench = await openBench('takes', { ...anonymousAccess, limits });
      const statuses = async (...clients: Parameters<typeof bench.send>[0]) =>
        (await bench.send(clients)).map((answer) => answer.slice(9, 12));
      try {
        const asked = Array.from({ length: 20 }, (_, i) => post(count, '198.51.100.1', `192.0.2.${i}`));
        const told = await statuses(...asked);
        assert.ok(told.includes('204'), told.join());
        assert.ok(told.filter((status) => status === '429').length >= 15, told.join());
        assert.deepEqual(await statuses(post(count, '198.51.100.2', '192.0.2.1')), ['204']);
        const of64 = Array.from({ length: 20 }, (_, i) => post(count, `2001:db8::${i}:1`, ''));
        assert.ok((await statuses(...of64)).includes('429'));
        const clothed = Array.from({ length: 20 }, () => post(count, '::ffff:198.51.100.1', '192.0.2.1'));
        assert.ok((await statuses(...clothed)).includes('429'));
        const local = Array.from({ length: 20 }, (_, i) => post(count, `127.0.0.${i}`, '192.0.2.1'));
        assert.deepEqual([...new Set(await statuses(...local))], ['204']);
      } finally {
        await bench.close();
      }
    });
  }
});

describe('with 0', () => {
  it('there is no limit', async () => {
    await using server = await startLocalApp({ TRUST_PROXY: '127.0.0.1', MAX_POSTS_PER_S_PER_ADDRESS: '0' });
    for (const count of segments) {
      for (let i = 0; i < 10; i++) {
        assert.match(await ask(server.port, posting(count, '/c/a', from('192.0.2.1'))), / 204 /);
      }
    }
  });
});

describe('POSTs of a sub', { concurrency: 8 }, () => {
  let server: LocalApp;
  before(async () => {
    server = await startLocalApp({
      ...{ AUTH: 'jwt', JWT_SECRET: SECRET, AUTH_ANONYMOUS: '{"publish":["public.*"]}' },
      ...{ MAX_POSTS_PER_S_PER_SUB: '1', TRUST_PROXY: '127.0.0.1' },
    });
  });
  after(() => server[Symbol.asyncDispose]());
  const granted = { publish: ['*'], subscribe: ['*'] };
  const of = (sub: string, more = {}) => `Authorization: ${bearer(granted, { sub, ...more })}\r\n`;

  for (const [first, other] of [
    [1, 2],
    [2, 1],
    [1, 1],
    [2, 2],
  ] as const) {
    it(`of a sub are one bucket for POSTs in ${first} and in ${other}, with any token and from any address`, async () => {
      const sub = `s${first}${other}`;
      let n = 0;
      const answers: string[] = [];
      await waitFor(
        async () => {
          const fields = of(sub, { jti: `${n}` }) + from(`192.0.2.${n}`);
          answers.push(await ask(server.port, posting(n++ % 2 === 0 ? first : other, '/c/a', fields)));
          return / 429 /.test(answers.at(-1)!);
        },
        { what: 'a 429' },
      );
      assert.match(answers[0]!, / 204 /);
      assertTooMany(answers.at(-1)!);
      assert.match(answers.at(-1)!, /One sub may send/);
      assert.match(await ask(server.port, posting(other, '/c/a', of(`other-${sub}`))), / 204 /);
    });

    it(`a batch counts as many as it has changes, also for POSTs in ${other}`, async () => {
      const sub = `b${first}${other}`;
      const body = linesWith(...'abcdefgh');
      const head = `POST /c/a?from=${sub}.n1&seq=1&batch=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n${of(sub)}`;
      const sent = await ask(server.port, [`${head}Content-Length: ${body.length}\r\n\r\n${body}`]);
      assert.match(sent, / 204 /);
      const answer = await ask(server.port, posting(other, '/c/a', of(sub)));
      assertTooMany(answer);
      assert.ok(Number(/^retry-after: (\d+)\r$/im.exec(answer)![1]) >= 5, answer);
    });

    it(`who brings no token has none, in ${first} and in ${other}`, async () => {
      for (let n = 0; n < 6; n++) {
        const answer = await ask(server.port, posting(n % 2 === 0 ? first : other, '/c/public.a', ''));
        assert.match(answer, / 204 /);
      }
    });
  }
});

describe('new channels of a sub', { concurrency: 8 }, () => {
  const AN_HOUR = 5;
  let server: LocalApp;
  before(async () => {
    server = await startLocalApp({ AUTH: 'jwt', JWT_SECRET: SECRET, MAX_NEW_CHANNELS_PER_H: String(AN_HOUR) });
  });
  after(() => server[Symbol.asyncDispose]());

  for (const count of segments) {
    it(`in ${count} are so many; those it has, and what it may not send to, are none`, async () => {
      const mine = `Authorization: ${bearer({ publish: [`n${count}.*`] }, { sub: `n${count}` })}\r\n`;
      const post = (channel: string, fields = mine) => ask(server.port, posting(count, `/c/${channel}`, fields));
      for (let i = 0; i < 10; i++) assert.match(await post(`not-mine-${i}`), / 403 /);
      for (let i = 0; i < AN_HOUR; i++) assert.match(await post(`n${count}.${i}`), / 204 /);
      assertTooMany(await post(`n${count}.more`), 'too_many_new_channels');
      for (let i = 0; i < AN_HOUR; i++) assert.match(await post(`n${count}.${i}`), / 204 /);
      const other = `Authorization: ${bearer({ publish: ['*'] }, { sub: `m${count}` })}\r\n`;
      assert.match(await post(`n${count}.more`, other), / 204 /);
      assert.match(await post(`n${count}.more`), / 204 /, 'begun by another');
    });
  }
});
