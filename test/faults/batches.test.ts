/**
 * Batches whose answers are swallowed, whose way to the store is cut anywhere, and whose store is killed in the middle: of none is there
 * ever a part (P41). Those without an answer are sent again, shifted against the first try, and then each change is there once.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { shownOf } from '../../loadtest/ledger/shown-from.ts';
import { packedWith } from '../contract/protocol/batch-kit.ts';
import type { Envelope, Page } from '../contract/protocol/kit.ts';
import { request } from '../support/http.ts';
import { startServer } from '../support/process.ts';
import { createRandom } from '../support/random.ts';
import { startRedis } from '../support/redis-server.ts';
import { waitFor } from '../support/wait.ts';
import { startProxy } from './proxy.ts';

const CHANNEL = 'batches';
const LANES = 6;
const ROUNDS = 14;
/** Some dozen segments of TCP each, so that a cut finds the middle of one. */
const CHANGE_BYTES = 1_500;
const SIZE_MAX = 30;
/** Of the batches of a lane; the others are sent with troubles that leave the store alive. */
const KILLED_AT = [4, 9];
const RECOVERED_MS = 60_000;
const RETRY_MS = 400;

interface Batch {
  readonly from: string;
  readonly size: number;
  status: number;
}

const textOf = ({ from }: Batch, seq: number) => `${from} ${seq} ${'.'.repeat(CHANGE_BYTES)}`;

async function send(url: string, batch: Batch, first = 1): Promise<number> {
  const seqs = Array.from({ length: batch.size - first + 1 }, (_, i) => first + i);
  const path = `/c/${CHANNEL}?batch=1&from=${batch.from}&seq=${first}`;
  const body = packedWith(...seqs.map((seq) => textOf(batch, seq)));
  const headers = { 'content-type': 'application/msgpack' };
  const answer = await request(url, path, { method: 'POST', headers, body }).catch(() => undefined);
  return answer?.status ?? 0;
}

async function everything(url: string): Promise<Envelope[]> {
  const events: Envelope[] = [];
  for (let since = '', more = true; more; ) {
    const page = (await request(url, `/c/${CHANNEL}/history?limit=500&since=${since}`)).json<Page>();
    events.push(...page.events);
    ({ cursor: since, more } = page);
  }
  return events;
}

/** Once what is accepted now is merged, so is all that was accepted before. */
async function settled(url: string, mark: string): Promise<Envelope[]> {
  const isAccepted = async () => (await request(url, `/c/${CHANNEL}`, { method: 'POST', body: mark })).status === 204;
  await waitFor(isAccepted, { timeoutMs: RECOVERED_MS, everyMs: 100, what: 'a change to be accepted' });
  return waitFor(
    async () => {
      const events = await everything(url).catch(() => []);
      return events.some(({ data }) => data === mark) ? events : undefined;
    },
    { timeoutMs: RECOVERED_MS, everyMs: 100, what: 'it to be merged' },
  );
}

/** Each batch by what is there of it: all, with nothing of others between, or nothing. */
function assertWhole(batches: readonly Batch[], events: readonly Envelope[]): number {
  let whole = 0;
  for (const batch of batches) {
    const shown = shownOf(batch.from);
    const first = events.findIndex(({ from }) => from === shown);
    const found = events.filter(({ from }) => from === shown);
    assert.ok(found.length === 0 || found.length === batch.size, `${found.length} of ${batch.size} of ${batch.from}`);
    assert.ok(found.length > 0 || batch.status !== 204, `${batch.from} was accepted and is gone`);
    const expected = found.map((_, i) => [shown, i + 1, textOf(batch, i + 1)]);
    const there = events.slice(first, first + found.length);
    assert.deepEqual(found.length === 0 ? [] : there.map(({ from, seq, data }) => [from, seq, data]), expected);
    if (found.length > 0) whole++;
  }
  return whole;
}

it('are there whole or not at all, whatever became of the store and its answers', { timeout: 180_000 }, async (t) => {
  await using redis = await startRedis({ appendfsync: 'always' });
  const random = createRandom(1);
  await using proxy = await startProxy(() => [{ host: '127.0.0.1', port: redis.port }], random);
  await using server = await startServer({
    env: {
      REDIS_URL: `redis://127.0.0.1:${proxy.port}`,
      SHARDS: '2',
      HISTORY_MAX_EVENTS: '100000',
      MAX_CHANGE_BYTES: '4096',
      LOG_LEVEL: 'info',
    },
  });
  const batches: Batch[] = [];
  const killed = KILLED_AT.map(() => Promise.resolve());
  await Promise.all(
    Array.from({ length: LANES }, async (_, lane) => {
      for (let round = 0; round < ROUNDS; round++) {
        const batch = { from: `p${lane}.${round}`, size: 1 + Math.floor(random.next() * SIZE_MAX), status: 0 };
        batches.push(batch);
        if (lane === 0) {
          proxy.set(round % 4 === 1 ? { swallow: 0.02, cut: 0.01 } : {});
          if (KILLED_AT.includes(round)) killed.push(redis.kill9().then(() => redis.restart()));
          if (round % 5 === 2) proxy.cutAll();
        }
        batch.status = await send(server.url, batch);
        // Who was refused at once would be through with all before the store is back.
        if (batch.status !== 204) await sleep(RETRY_MS);
      }
    }),
  );
  proxy.set();
  await Promise.all(killed);

  const unanswered = batches.filter(({ status }) => status !== 204);
  const whole = assertWhole(batches, await settled(server.url, 'first'));
  t.diagnostic(`${batches.length} batches, ${unanswered.length} without a 204, ${whole} there`);
  assert.ok(unanswered.length >= 5, 'answers were lost');
  assert.ok(unanswered.length < batches.length * 0.8, 'and not all');

  for (const batch of unanswered) {
    const again = async () => (await send(server.url, batch)) === 204;
    await waitFor(again, { timeoutMs: RECOVERED_MS, everyMs: 100, what: 'a batch to be accepted' });
    // As who sends again what it has, and has sent a part of it in another batch.
    assert.equal(await send(server.url, batch, Math.ceil(batch.size / 2)), 204);
    batch.status = 204;
  }
  assert.equal(assertWhole(batches, await settled(server.url, 'second')), batches.length);
});
