/** Metrics: the names the contract promises, there from the start, and separate per instance. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMetrics } from '../../src/metrics.ts';

describe('metrics', () => {
  it('have the names of the contract', async () => {
    const text = await createMetrics().registry.metrics();
    const names = ['streams', 'changes_accepted_total', 'events_merged_total', 'deliveries_total', 'inbox_entries'];
    names.push('merge_lag_seconds', 'streams_ended_total', 'redis_up', 'accept_seconds', 'problems_total');
    for (const name of names) assert.match(text, new RegExp(`^# TYPE smallchange_${name} `, 'm'), name);
    for (const outcome of ['event', 'absorbed', 'refused', 'repeat', 'unreadable']) {
      assert.ok(text.includes(`smallchange_events_merged_total{outcome="${outcome}"} 0`), outcome);
    }
  });

  it('count for one process only', async () => {
    const [one, other] = [createMetrics(), createMetrics()];
    one.changesAccepted.inc(3);
    one.eventsMerged.inc({ outcome: 'event' }, 2);
    one.inboxEntries.set({ shard: '7' }, 5);
    const text = await one.registry.metrics();
    assert.match(text, /^smallchange_changes_accepted_total 3$/m);
    assert.match(text, /^smallchange_events_merged_total\{outcome="event"\} 2$/m);
    assert.match(text, /^smallchange_inbox_entries\{shard="7"\} 5$/m);
    assert.match(await other.registry.metrics(), /^smallchange_changes_accepted_total 0$/m);
  });
});
