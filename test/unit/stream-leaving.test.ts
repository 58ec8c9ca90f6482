/** Streams that are sent away leave evenly over their time, however many they are, and all of them do. */
import assert from 'node:assert/strict';
import { it, mock } from 'node:test';
import { leaveWithin } from '../../src/gateway/stream/leaving.ts';

const MANY = 100_000;

/** @param lookMs How long each look at the clock takes. */
function start(count: number, windowMs: number, lookMs = 0) {
  mock.timers.enable({ apis: ['setTimeout'] });
  let nowMs = 0;
  let left = 0;
  const clock = { wallMs: () => 0, elapsedMs: () => (nowMs += lookMs) };
  const stop = leaveWithin(clock, Array.from({ length: count }), windowMs, () => left++);
  const pass = (ms: number) => {
    nowMs += ms;
    const before = left;
    mock.timers.tick(ms);
    return left - before;
  };
  return { pass, stop, count: () => left };
}

it('evenly', () => {
  const { pass, count } = start(MANY, 10_000);
  const perStep = Array.from({ length: 500 }, () => pass(20));
  assert.ok(Math.max(...perStep) <= 500, `${Math.max(...perStep)} at once`);
  const half = perStep.slice(0, 250).reduce((sum, each) => sum + each, 0);
  assert.ok(half > MANY * 0.45 && half < MANY * 0.55, `${half} in the first half`);
  for (let i = 0; i < 50; i++) pass(20);
  mock.timers.reset();
  assert.equal(count(), MANY);
});

it('at once, in slices, where there is no time', () => {
  const { pass, count } = start(MANY, 0, 0.01);
  const perStep: number[] = [];
  for (let i = 0; i < 1_000 && count() < MANY; i++) perStep.push(pass(1));
  mock.timers.reset();
  assert.equal(count(), MANY);
  assert.ok(Math.max(...perStep) <= 500, `${Math.max(...perStep)} at once`);
});

it('no more once it is stopped', () => {
  const { pass, stop, count } = start(100, 1_000);
  pass(500);
  stop();
  const before = count();
  assert.ok(before > 0 && before < 100);
  pass(1_000);
  mock.timers.reset();
  assert.equal(count(), before);
});
