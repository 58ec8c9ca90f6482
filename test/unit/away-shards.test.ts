/** Some shards are away, others are there: a stream is told of those that its channels are on, and of no others (P15, P20). */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { channelOn } from '../contract/engine/kit.ts';
import { startHttpGateway } from '../support/http-gateway.ts';
import { openSse, type SseReader } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';

const SHARDS = 3;
const [a, b, c] = [0, 1, 2].map((shard) => channelOn(shard, SHARDS)) as [string, string, string];

/** What it was told of the store in mid-stream. */
function told({ frames }: SseReader): string[] {
  return frames
    .filter(({ event }) => event === '$sync')
    .slice(1)
    .map(({ data }) => (JSON.parse(data!) as { status: string }).status);
}

it('a stream is told once that one of its shards is away, and once that all are back', async () => {
  await using lab = await startHttpGateway({}, (engine) => engine, { shards: SHARDS });
  const open = (channels: string) => openSse(`${lab.http.url}/c/${channels}/events`);
  await using onA = await open(a);
  await using onB = await open(b);
  await using onAB = await open(`${a},${b}`);
  await using onC = await open(c);
  const all = [onA, onB, onAB, onC];
  await waitFor(() => all.every(({ frames }) => frames.length > 0), { what: 'them to begin' });
  for (const away of [[0], [0, 1], [1], []]) lab.gateway.storeIs(new Set(away));
  await waitFor(() => told(onB).length === 2, { what: 'the last to be told' });
  await waitFor(() => told(onA).length === 2 && told(onAB).length === 2, { what: 'those to be told' });
  lab.gateway.storeIs(new Set([2]));
  await waitFor(() => told(onC).length === 1, { what: 'the other to be told' });
  assert.deepEqual([onA, onB, onAB, onC].map(told), [
    ['degraded', 'recovered'],
    ['degraded', 'recovered'],
    ['degraded', 'recovered'],
    ['degraded'],
  ]);
});

it('streams and polls of the others are taken', async () => {
  await using lab = await startHttpGateway({}, (engine) => engine, { shards: SHARDS });
  const url = (channels: string, rest = '') => `${lab.http.url}/c/${channels}/events${rest}`;
  lab.gateway.storeIs(new Set([0]));
  for (const channels of [a, `${b},${a}`]) {
    assert.equal((await fetch(url(channels, '?format=json'))).status, 503);
    const stream = await fetch(url(channels), { headers: { accept: 'text/event-stream' } });
    assert.match(await stream.text(), /event: \$overloaded\n.*"store"/);
  }
  assert.equal((await fetch(url(b, '?format=json'))).status, 200);
  await using stream = await openSse(url(`${b},${c}`));
  await waitFor(() => stream.frames.length > 0, { what: 'a stream to begin' });
  assert.equal(stream.frames[0]!.event, '$sync');
});
