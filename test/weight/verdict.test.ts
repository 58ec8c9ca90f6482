/** The verdict on an attack says no to each thing that is promised and was not kept, just above its bound and not at it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Attack } from './attack.ts';
import type { Measured } from './good-clients.ts';
import type { Seen } from './trial.ts';
import { judge } from './verdict.ts';

const attack: Attack = {
  name: 'none',
  promise: 'nothing is noticed',
  store: 'memory',
  holds: [],
  drive: () => Promise.reject(new Error('is not driven')),
};

const spread = { count: 100, p50Ms: 1, p99Ms: 10, maxMs: 20 };
const calm: Measured = { events: spread, posts: spread, health: spread, standstillMs: 10, attempts: 100, failures: {} };
const server = { pid: 1, beforeBytes: 1, peakBytes: 100, boundBytes: 100, budgetBytes: 100 };

const seen = (loaded: Partial<Measured> = {}, more: Partial<Seen> = {}): Seen => ({
  did: { figures: {}, faults: [] },
  felt: { quiet: calm, loaded: { ...calm, ...loaded } },
  weighed: [server],
  logBytes: 0,
  errors: [],
  ended: [],
  ...more,
});

const posts = (maxMs: number) => seen({ posts: { ...spread, maxMs } });
const events = (p99Ms: number) => seen({ events: { ...spread, p99Ms } });
const weighs = (peakBytes: number) => seen({}, { weighed: [{ ...server, peakBytes }] });

const bounds: readonly [what: string, kept: Seen, broken: Seen, word: RegExp][] = [
  ['the longest POST', posts(250), posts(251), /^a good client's POST took 251 ms, at most 250/],
  [
    'the time a server stood still',
    seen({ standstillMs: 250 }),
    seen({ standstillMs: 251 }),
    /^stood still for 251 ms/,
  ],
  ["good clients' events", events(500), events(501), /^good clients' events p99 501 ms/],
  ['memory', weighs(100), weighs(101), /^process 1 took /],
  ['what fails', seen(), seen({ failures: { 'POST answered 503': 2 } }), /^good clients: 2 × POST answered 503$/],
  ['the log', seen({}, { logBytes: 512 * 1024 }), seen({}, { logBytes: 512 * 1024 + 1 }), /bytes of log$/],
  ['errors in it', seen(), seen({}, { errors: ['one'] }), /^1 lines at error, the first: one$/],
  ['who ends', seen(), seen({}, { ended: ['1 ended'] }), /^1 ended$/],
];

describe('the verdict', () => {
  for (const [what, kept, broken, word] of bounds) {
    it(`is about ${what}`, () => {
      assert.deepEqual(judge(attack, 'full', kept).failures, []);
      const { failures } = judge(attack, 'full', broken);
      assert.equal(failures.length, 1);
      assert.match(failures[0]!, word);
    });
  }

  it('lets a POST wait for a store that is away because of the attack, and be answered 503', () => {
    const away = seen({ posts: { ...spread, maxMs: 4_000 }, failures: { 'POST answered 503': 2 } });
    assert.deepEqual(judge({ ...attack, cuts: 'all' }, 'full', away).failures, []);
  });
});
