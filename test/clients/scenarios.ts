/** What happens to a client: each plays one, for all rows at once, and leaves what they saw. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from '../support/http.ts';
import { openSse } from '../support/sse.ts';
import type { Ground, Trial } from './ground.ts';
import type { Scenario } from './rows.ts';

/** What any parser may stumble over. */
export const PAYLOADS: readonly Buffer[] = [
  'plain',
  'é \u{1f600}',
  'two\nlines',
  '\n',
  '\n\n\n',
  ' leading',
  '  two spaces ',
  'data: x',
  'id: 1\ndata: y',
  '\u2028separators\u2029',
  'a\rb',
  'a\0b',
  '\ufeffBOM',
  Buffer.of(0xff, 0xfe, 0x61),
].map((payload) => Buffer.from(payload));
const LAST = 'the last';

/** How long a full server is watched: some tries of each client. */
const FULL_MS = 6_000;
const PLACES = 60;

export type Play = (ground: Ground, trial: Trial) => Promise<void>;

export const plays: Readonly<Record<Scenario, Play>> = {
  async bytes(ground, trial) {
    await trial.start(await ground.gateway());
    await trial.synced(trial.players);
    for (const body of [...PAYLOADS, LAST]) {
      const answer = await request(ground.url, `/c/${trial.channel}`, { method: 'POST', body });
      assert.equal(answer.status, 204);
    }
    await trial.until(({ seen }) => seen.texts.includes(LAST), trial.players);
  },

  async kill(ground, trial) {
    const first = await ground.gateway();
    await trial.start(first);
    await trial.synced(trial.players);
    await trial.send(ground.url, 10);
    await trial.all();
    const before = trial.accepted();
    const sending = trial.send(ground.url, 10);
    await first.kill9();
    await sending;
    await trial.triedInVain(before);
    trial.pointAt(await ground.gateway());
    await trial.send(ground.url, 10);
    await trial.all();
  },

  async drain(ground, trial) {
    const [first, second] = [await ground.gateway(), await ground.gateway()];
    await trial.start(first);
    await trial.synced(trial.players);
    await trial.send(ground.url, 10);
    await trial.all();
    trial.pointAt(second);
    const stopping = first.stop();
    await trial.send(ground.url, 10);
    await stopping;
    await trial.send(ground.url, 10);
    await trial.all();
  },

  async age(ground, trial) {
    await trial.start(await ground.gateway({ STREAM_MAX_AGE_MS: '1500', HEARTBEAT_MS: '500' }));
    await trial.synced(trial.players);
    let isOver = false;
    const cameBack = trial
      .until(({ seen }) => seen.statuses.length >= 3)
      .then(() => {
        isOver = true;
      });
    while (!isOver) {
      await trial.send(ground.url, 1);
      await sleep(100);
    }
    await cameBack;
    await trial.all();
  },

  async full(ground, trial) {
    const gateway = await ground.gateway({ MAX_STREAMS: String(PLACES) });
    const blockers = await Promise.all(Array.from({ length: PLACES }, () => openSse(`${gateway.url}/c/other/events`)));
    await Promise.all(blockers.map((blocker) => blocker.next()));
    await trial.start(gateway);
    const before = trial.players.map(({ proxy }) => proxy.accepted);
    const startedMs = performance.now();
    await sleep(FULL_MS);
    const tookS = (performance.now() - startedMs) / 1_000;
    for (const [i, player] of trial.players.entries()) {
      trial.requestsPerS.set(player.name, (player.proxy.accepted - before[i]!) / tookS);
    }
    for (const blocker of blockers) blocker.close();
    await trial.synced();
    await trial.send(ground.url, 5);
    await trial.all();
  },

  async reset(ground, trial) {
    const first = await ground.forgetful();
    await trial.start(first);
    await trial.synced(trial.players);
    await trial.send(first.url, 5);
    await trial.all();
    const before = trial.accepted();
    await first.kill9();
    await trial.triedInVain(before);
    const second = await ground.forgetful();
    // Said before anybody is back: kept, and so it is not lost.
    await trial.send(second.url, 5);
    trial.pointAt(second);
    await trial.all();
    await trial.send(second.url, 5);
    await trial.all();
  },
};
