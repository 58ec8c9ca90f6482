/** Every door with every kind of token at it, through both edges: what is answered is what the server itself answers. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type House, openHouse } from '../security/doors/house.ts';
import { rows } from '../security/doors/rows.ts';
import { type EdgeProcess, edges, startEdge } from '../support/edge.ts';
import { bearer, nowS } from '../support/tokens.ts';

let house: House;
before(async () => {
  house = await openHouse();
});
after(async () => {
  await using open = house;
  await open.checkAll();
});

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
