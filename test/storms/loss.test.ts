/**
 * A gateway with many channels that loses what it hears by, or its Redis: every channel's next event is there in five seconds
 * (I10), and nobody else notices.
 *
 * `STORMS=long` is 80,000 channels of one gateway and four with 20,000 each, on a machine that does nothing else; it prints
 * the figures.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isLong } from './kit.ts';
import { type Figures, type Storm, storm } from './loss.ts';

const CHANNELS = isLong ? 80_000 : 1_500;
/** All roles, the senders and the readers share two cores: a few thousand changes a second. */
const WITHIN_S = isLong ? 20 : 4;
/** I10; beside other tests on a machine that is five times slower, later. */
const EVENT_MAX_MS = isLong ? 5_000 : 20_000;
const POST_MAX_MS = 1_000;
const GROWTH_MAX = 0.25;
/** Processor time. Also in `npm test`, machines differ by a factor of five. */
const TURN_MAX_MS = isLong ? 50 : 500;

const storms: readonly Storm[] = [
  { channels: CHANNELS, gateways: 1, loses: 'subscriber', withinS: WITHIN_S },
  { channels: CHANNELS, gateways: 1, loses: 'redis', withinS: WITHIN_S },
  { channels: CHANNELS, gateways: 4, loses: 'subscriber', withinS: WITHIN_S },
];

describe('a storm of comparing', () => {
  // What one gateway that loses its subscriber goes through, each of the four does.
  for (const each of isLong ? storms : storms.slice(1)) {
    it(`${each.channels} channels of ${each.gateways} gateways, lost: ${each.loses}`, {
      timeout: 600_000,
    }, async (t) => {
      const figures = await storm(each);
      t.diagnostic(written(figures));
      assert.ok(figures.slowestEventMs <= EVENT_MAX_MS, `the slowest event took ${figures.slowestEventMs} ms`);
      assert.equal(figures.lost, 0, 'connections that nobody cut');
      assert.ok(figures.longestTurnMs <= TURN_MAX_MS, `a turn of ${figures.longestTurnMs} ms`);
      if (!isLong) return;
      if (each.loses === 'subscriber')
        assert.ok(figures.slowestPostMs <= POST_MAX_MS, `${figures.slowestPostMs} ms for a POST`);
      assert.ok(figures.growth <= GROWTH_MAX, `memory grew by ${figures.growth}`);
    });
  }
});

function written(figures: Figures): string {
  const ms = (value: number) => `${Math.round(value)} ms`;
  return [
    `204 → event ${ms(figures.medianEventMs)} (median), ${ms(figures.p99EventMs)} (p99), ${ms(figures.slowestEventMs)} (worst)`,
    `slowest POST ${ms(figures.slowestPostMs)}`,
    `longest turn ${ms(figures.longestTurnMs)} of CPU`,
    `memory ${(figures.mostBytes / (1 << 20)).toFixed(0)} MiB, ${figures.growth > 0 ? '+' : ''}${(figures.growth * 100).toFixed(0)} %`,
    `${figures.lost} connections lost, ${figures.degraded} streams told degraded`,
    `the readers themselves stood still for ${ms(figures.stallMs)}`,
    ...new Set(figures.warnings),
  ].join('; ');
}
