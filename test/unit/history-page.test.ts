/** A page of history is read of the store in parts, and is one page all the same. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../src/clock.ts';
import type { Channel } from '../../src/domain/channel.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { historyRoute } from '../../src/gateway/routes/history-route.ts';
import { createJsonAnswers } from '../../src/gateway/routes/json-answers.ts';
import { createTurns } from '../../src/gateway/turns.ts';
import { generousOptions } from '../contract/engine/kit.ts';
import { request } from '../support/http.ts';
import { startHttpApp } from '../support/http-app.ts';

const PART_EVENTS = 4;
const HEAD = 18;
const EPOCH = 'aaaaa1';

/** Of so many events; what is read behind the offset `trimmedAt` was trimmed meanwhile. */
function engineOf(trimmedAt = Number.POSITIVE_INFINITY): { engine: Engine; reads: () => number } {
  const memory = createMemoryEngine({ ...generousOptions, shards: 1 });
  const log = { epoch: EPOCH, head: HEAD, oldest: 1 };
  let reads = 0;
  const engine = Object.assign(Object.create(memory) as Engine, {
    readHistory(_channel: Channel, after: { offset: number } | null, limit: number) {
      if (limit > 0) reads++;
      const from = after?.offset ?? 0;
      if (from >= trimmedAt) return Promise.resolve({ kind: 'gap', reason: 'trimmed', log, clockMs: 0 });
      const count = Math.min(limit, PART_EVENTS, HEAD - from);
      const events = Array.from({ length: count }, (_, i) => ({
        ...{ offset: from + i + 1, from: '', seq: 0, atMs: 1, bytes: Buffer.from(`change ${from + i + 1}`) },
      }));
      return Promise.resolve({ kind: 'events', events, log, clockMs: 0 });
    },
  });
  return { engine, reads: () => reads };
}

interface Page {
  readonly status: string;
  readonly events: readonly { readonly data: string }[];
  readonly more: boolean;
}

async function pageOf(engine: Engine, query = ''): Promise<{ offsets: number[]; more: boolean; status: string }> {
  await using http = await startHttpApp((app, metrics) => {
    const answers = createJsonAnswers({ clock: systemClock, metrics });
    historyRoute(app, { histories: engine, clock: systemClock, turns: createTurns(systemClock), answers });
  });
  const { events, more, status } = (await request(http.url, `/c/a/history${query}`)).json<Page>();
  return { offsets: events.map(({ data }) => Number(data.slice(7))), more, status };
}

const upTo = (offset: number) => Array.from({ length: offset }, (_, i) => i + 1);

describe('a page of history', () => {
  it('has all there is, in order, in as many reads as it needs', async () => {
    const { engine, reads } = engineOf();
    const { offsets, more, status } = await pageOf(engine, `?since=${EPOCH}.0`);
    assert.deepEqual(offsets, upTo(HEAD));
    assert.deepEqual([more, status, reads()], [false, 'resumed', Math.ceil(HEAD / PART_EVENTS)]);
  });

  it('has no more than it was asked for', async () => {
    const { offsets, more } = await pageOf(engineOf().engine, `?since=${EPOCH}.0&limit=6`);
    assert.deepEqual([offsets, more], [upTo(6), true]);
  });

  it('ends where the store has lost what follows, which the next page tells', async () => {
    const { offsets, more, status } = await pageOf(engineOf(8).engine, `?since=${EPOCH}.0`);
    assert.deepEqual([offsets, more, status], [upTo(8), true, 'resumed']);
  });
});
