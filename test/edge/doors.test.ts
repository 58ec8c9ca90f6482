/** Every door with every kind of token at it, through both edges: what is answered is what the server itself answers. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type House, openHouse } from '../security/doors/house.ts';
import { rows } from '../security/doors/rows.ts';
import { all, auth, SAID } from '../security/doors/table.ts';
import { type EdgeProcess, edges, startEdge } from '../support/edge.ts';
import { posting, reading } from '../support/limits.ts';
import { bearer, nowS } from '../support/tokens.ts';

let house: House;
before(async () => {
  house = await openHouse();
});
after(async () => {
  await using open = house;
  await open.checkAll();
});

/** What of these is sent and read by who may `a.1`: it is another channel, or none. */
const readings = [
  ...([['b.1'], ['%62.1'], ['b%2e1'], ['A.1'], ['a.1.'], ['a.10'], ['x'.repeat(64)], ['events'], ['wake']] as const),
  ...([['constructor'], ['a.1,b.1', 400], ['b.1%2Ca.1', 400]] as const),
  ...([
    ['__proto__', 400, 400],
    ['e:room', 400, 400],
    ['a.1;v=1', 400, 400],
    ['a.*', 400, 400],
  ] as const),
  ...([
    ['*', 400, 400],
    ['x'.repeat(65), 400, 400],
    ['{7}', 400, 400],
    ['a.1%20', 400, 400],
  ] as const),
] as const satisfies readonly (readonly [path: string, sent?: number, read?: number])[];

for (const edge of edges) {
  describe(`doors behind ${edge}`, { concurrency: 16 }, () => {
    let proxy: EdgeProcess;
    before(async () => {
      proxy = await startEdge(edge, { buckets: [house.server], gateways: [house.server] });
    });
    after(() => proxy?.stop());

    rows(
      () => house,
      () => Number(new URL(proxy.plainUrl).port),
    );

    for (const [path, sent = 403, read = 403] of readings) {
      it(`/c/${path} is no other channel than it is to the server, also with a trace that names one`, async () => {
        const fields = `${auth(all('a.1'))}traceparent: 00-${'a'.repeat(32)}-${'b'.repeat(16)}-01\r\n`;
        for (const [parts, status] of [
          [posting(1, `/c/${path}`, fields), sent],
          [posting(2, `/c/${path}`, fields), sent],
          [reading(`/c/${path}/events`, fields), read],
          [reading(`/c/${path}/events?format=json`, fields), read],
        ] as const) {
          const answer = await house.asked(parts, Number(new URL(proxy.plainUrl).port));
          assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), answer);
          assert.doesNotMatch(answer, new RegExp(SAID));
        }
      });
    }

    // Where nobody sends, as the doors beside it do.
    it('a poll that waits is answered 401 when its token ends', async () => {
      const exp = nowS() + 4;
      const headers = { authorization: bearer({ subscribe: ['quiet'] }, { exp }) };
      const answer = await fetch(`${proxy.plainUrl}/c/quiet/events?format=json&wait=25`, { headers });
      assert.equal(answer.status, 401);
      assert.match(await answer.text(), /"code":"token_expired"/);
      assert.ok(Date.now() >= exp * 1000);
    });
  });
}
