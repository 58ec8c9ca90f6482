/** Cursors of each channel, when one of their logs was begun anew: who may have lost something is told, and all others go on (P40). */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { cursorOf } from '../../src/domain/cursor.ts';
import { channelOn } from '../contract/engine/kit.ts';
import { startHttpGateway } from '../support/http-gateway.ts';
import { openSse } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';

const SHARDS = 2;

it('channels without a cursor of their own are reset while there is one that is nobody’s', async () => {
  await using lab = await startHttpGateway({}, (engine) => engine, { shards: SHARDS });
  const { engine } = lab.bench;
  const [a, b, c] = [channelOn(0, SHARDS), channelOn(1, SHARDS), channelOn(1, SHARDS)];
  const cursors = new Map<string, string>();
  for (const channel of [a, b, c]) {
    const { log } = await engine.readHistory(channel, null, 0);
    cursors.set(channel, cursorOf(channel, { epoch: log.epoch, offset: log.head }));
  }
  const statusesOf = async (channels: readonly string[], ...brought: readonly string[]) => {
    const since = brought.map((channel) => cursors.get(channel)).join('~');
    await using reader = await openSse(`${lab.http.url}/c/${channels.join(',')}/events?since=${since}`);
    const told = JSON.parse((await reader.next()).data!) as { channels: Record<string, { status: string }> };
    return channels.map((channel) => told.channels[channel]!.status);
  };
  assert.deepEqual(await statusesOf([a, b, c], a, b), ['resumed', 'resumed', 'fresh']);

  const { log } = await engine.readHistory(a, null, 0);
  const evidence = { kind: 'head', channel: a, offset: log.head + 10 } as const;
  assert.equal((await engine.renew(0, log.epoch, evidence)).kind, 'renewed');
  await waitFor(async () => (await statusesOf([a], a))[0] === 'reset', { what: 'the gateway to hear of it' });
  assert.deepEqual(await statusesOf([a, b, c], a, b), ['reset', 'resumed', 'reset'], 'of a, or of c');
  assert.deepEqual(await statusesOf([a, b, c], a, b, c), ['reset', 'resumed', 'resumed']);
  assert.deepEqual(await statusesOf([c, b], a, b), ['reset', 'resumed']);
  assert.deepEqual(await statusesOf([b], a, b), ['resumed'], 'whose it is does not matter here');
  assert.deepEqual(await statusesOf([a, c], b), ['reset', 'reset']);
  assert.deepEqual(await statusesOf([b, a], b), ['resumed', 'fresh'], 'who brings nothing of it begins now');
});
