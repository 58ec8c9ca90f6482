/** Refusals: each is counted, and each period of them is logged with two lines, however many there are. */
import assert from 'node:assert/strict';
import { it, mock } from 'node:test';
import { createRefusals } from '../../src/gateway/routes/refusals.ts';
import { createLogger } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';

it('are logged when they begin and when they are over', async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  let nowMs = 0;
  const lines: Record<string, unknown>[] = [];
  const log = createLogger({ logLevel: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const metrics = createMetrics();
  const clock = { wallMs: () => nowMs, elapsedMs: () => nowMs };
  const refusals = createRefusals({ clock, log, metrics });
  const passMs = (ms: number) => {
    for (const untilMs = nowMs + ms; nowMs < untilMs; mock.timers.tick(1_000)) nowMs += 1_000;
  };
  const told = () => lines.map(({ level, refusal, count }) => ({ level, refusal, count }));
  try {
    for (let i = 0; i < 1_000; i++) refusals.count('overloaded');
    passMs(5_000);
    for (let i = 0; i < 1_000; i++) refusals.count('overloaded');
    refusals.count('draining');
    const [overloaded, draining] = ['overloaded', 'draining'].map((refusal) => ({ level: 'warn', refusal }));
    assert.deepEqual(told(), [
      { ...overloaded, count: undefined },
      { ...draining, count: undefined },
    ]);
    passMs(11_000);
    assert.deepEqual(told().slice(2), [
      { ...overloaded, count: 2_000 },
      { ...draining, count: 1 },
    ]);
    refusals.count('overloaded');
    assert.equal(lines.length, 5, 'the next period begins');
    const text = await metrics.registry.getSingleMetricAsString('smallchange_refusals_total');
    assert.match(text, /code="overloaded"} 2001/);
  } finally {
    refusals.close();
    mock.timers.reset();
  }
});
