/** Events for an engine of one shard, without a merger. */
import assert from 'node:assert/strict';
import type { Engine } from '../../src/engine/engine.ts';
import { event, LONG_MS, TOKEN } from '../contract/engine/kit.ts';

/** Of one commit; the channel begins with it where there is none. */
export async function merge(engine: Engine, channel: string, ...texts: string[]): Promise<void> {
  const peek = await engine.peek(0, { token: TOKEN, ms: LONG_MS }, { maxEntries: 1, maxBytes: 1 });
  assert.equal(peek.kind, 'entries');
  const { head } = (await engine.load(0, [{ channel, froms: [], withState: false }])).channels[0]!;
  const first = (head ?? peek.events) + 1;
  const its = { channel, head, reducer: 'log', stateBytes: 0, state: new Map(), seqs: new Map() };
  const outcome = await engine.commit(0, {
    ...{ token: TOKEN, rev: peek.rev, epoch: peek.epoch, entries: 0, unreadable: [] },
    channels: [{ ...its, events: texts.map((text, i) => event(first + i, text)) }],
  });
  assert.equal(outcome.kind, 'committed');
}
