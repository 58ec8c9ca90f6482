/** What comes between a look and the waiting is not waited for; what came before the look is. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Hub } from '../../src/gateway/hub/hub.ts';
import { News } from '../../src/gateway/hub/news.ts';

const NEVER_MS = 60_000;

function hubs(count: number) {
  const made = Array.from({ length: count }, () => ({ readers: new Set<News>() }));
  return { made, asHubs: made as unknown as Hub[] };
}

async function isOver(waiting: Promise<void>): Promise<boolean> {
  let over = false;
  void waiting.then(() => {
    over = true;
  });
  await new Promise(setImmediate);
  return over;
}

it('of any hub: what came since the look, or comes, ends the waiting; what came before it does not', async (t) => {
  const { made, asHubs } = hubs(3);
  const news = new News(asHubs);
  const ending = new AbortController();
  t.after(() => ending.abort());
  const { signal } = ending;
  const tell = (i: number) => {
    for (const reader of made[i]!.readers) reader.advanced();
  };
  tell(0);
  news.begin();
  const waiting = news.within(NEVER_MS, signal);
  assert.equal(await isOver(waiting), false);
  tell(2);
  assert.equal(await isOver(waiting), true);
  news.begin();
  tell(1);
  assert.equal(await isOver(news.within(NEVER_MS, signal)), true);
  news.close();
  assert.deepEqual(
    made.map(({ readers }) => readers.size),
    [0, 0, 0],
  );
});

it('who is told not to wait does not, before and meanwhile', async () => {
  const { asHubs } = hubs(1);
  const news = new News(asHubs);
  const ending = new AbortController();
  const waiting = news.within(NEVER_MS, ending.signal);
  ending.abort();
  assert.equal(await isOver(waiting), true);
  assert.equal(await isOver(news.within(NEVER_MS, ending.signal)), true);
});
