/**
 * Keeps the streams of a fleet evenly spread. After a rolling update the process that came last has nearly none, and
 * streams that live for hours would leave it so; balancers only see new ones.
 *
 * Each gateway tells the others how many streams it has. One that has more than its share asks some of them to come back,
 * the oldest first, half of the excess at a time and never more than a small part of all: whom they reach then is the
 * balancer's choice, and if it is us again, the next round asks others.
 *
 * It is the roll call of the gateways as well: who shares the store's time with others goes by how many there are.
 */
import { randomUUID } from 'node:crypto';
import type { Engine } from '../../engine/engine.ts';
import type { Logger } from '../../log.ts';

export interface SpreadDeps {
  readonly engine: Engine;
  readonly log: Logger;
  /** Between two rounds; 0: nobody is sent away. */
  readonly spreadIntervalMs: number;
  /** How many there are here. */
  readonly size: () => number;
  /** Sends so many of them away, spread over the window. */
  readonly shed: (count: number, windowMs: number) => void;
}

export interface Spread {
  /** How many there are, this one among them; 1 until the others have been heard of. */
  readonly gateways: number;
  /** No more rounds; the others count on one less. */
  close(): void;
}

/** Above the mean, and it is left alone. Of three gateways the emptiest then lacks a tenth at most. */
const TOLERANCE = 0.05;
/** A difference of so few is nothing to send anybody away for. */
const EXCESS_MIN = 10;
/** Of all streams here, in one round. Who gains more than that in a round is being filled, and waits until it is at rest. */
const SHED_MAX = 0.025;
/** Milliseconds: between two rounds that are a roll call alone. */
const ROLL_CALL_MS = 5_000;
/** Rounds after which one that says nothing is gone: before that, its streams seem to be more than they are. */
const ROUNDS_REMEMBERED = 2;

export function createSpread({ engine, log, spreadIntervalMs, size, shed }: SpreadDeps): Spread {
  const member = randomUUID();
  const intervalMs = spreadIntervalMs || ROLL_CALL_MS;
  const ttlMs = intervalMs * ROUNDS_REMEMBERED;
  let isClosed = false;
  let before = size();
  let gateways = 1;

  async function round(): Promise<void> {
    const isFilling = size() - before > Math.max(EXCESS_MIN, before * SHED_MAX);
    before = size();
    const figures = await engine.gather('gateways', member, before, ttlMs);
    gateways = Math.max(1, figures.length);
    const count = isClosed || isFilling || spreadIntervalMs === 0 ? 0 : excessOf(size(), figures);
    if (count === 0) return;
    log.info({ streams: size(), gateways: figures.length, leaving: count }, 'more streams than its share');
    shed(count, spreadIntervalMs);
  }

  const leave = (error: unknown) => log.debug({ err: error }, 'the other gateways cannot be asked');
  const timer = setInterval(() => void round().catch(leave), intervalMs);
  return {
    get gateways() {
      return gateways;
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      clearInterval(timer);
      engine.gather('gateways', member, 0, 0).catch(leave);
    },
  };
}

/** How many of `own` streams to send away in one round, where these are the figures of all gateways. */
export function excessOf(own: number, figures: readonly number[]): number {
  if (figures.length < 2) return 0;
  const mean = figures.reduce((sum, each) => sum + each, 0) / figures.length;
  const excess = own - mean;
  if (excess < EXCESS_MIN || excess < mean * TOLERANCE) return 0;
  return Math.ceil(Math.min(excess / 2, own * SHED_MAX));
}
