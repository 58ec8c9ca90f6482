/** What audiences do in turns of the event loop leaves time to all others, however long one piece of it takes. */
import assert from 'node:assert/strict';
import { it, mock } from 'node:test';
import { createSoon } from '../../src/gateway/audience/soon.ts';
import { createRest } from '../../src/gateway/rest.ts';
import { noRest } from '../support/gateway-parts.ts';

function clockAt(now: { ms: number }) {
  return { wallMs: () => now.ms, elapsedMs: () => now.ms };
}

it('after a long turn as much time is left to others, after a short one the next turn is at once', () => {
  mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] });
  try {
    const now = { ms: 0 };
    const soon = createSoon(clockAt(now), createRest(clockAt(now)));
    const ran: string[] = [];
    const add = (name: string, tookMs: number, then?: () => void) =>
      soon.add({
        run() {
          ran.push(name);
          now.ms += tookMs;
          then?.();
        },
      });
    add('short', 1, () => add('long', 100, () => add('last', 1)));
    mock.timers.tick(0);
    mock.timers.tick(0);
    assert.deepEqual(ran, ['short', 'long']);
    mock.timers.tick(99);
    assert.deepEqual(ran, ['short', 'long'], 'not before as much time has passed as it took');
    mock.timers.tick(1);
    assert.deepEqual(ran, ['short', 'long', 'last']);
  } finally {
    mock.timers.reset();
  }
});

it('in one turn as many tasks are run as 5 ms suffice for, in their order, and what they add comes after all others', async () => {
  const now = { ms: 0 };
  const soon = createSoon(clockAt(now), noRest);
  const ran: string[] = [];
  const add = (name: string, then: () => void = () => {}) =>
    soon.add({
      run() {
        ran.push(name);
        now.ms++;
        then();
      },
    });
  const names = Array.from({ length: 12 }, (_, i) => `${i}`);
  for (const name of names) add(name, () => (name === '0' ? add('added') : undefined));
  const perTurn: number[] = [];
  while (ran.length <= names.length) {
    const before = ran.length;
    await new Promise<void>((resolve) => setImmediate(resolve));
    perTurn.push(ran.length - before);
    assert.ok(perTurn.length < 100, `some are never run: ${ran}`);
  }
  assert.deepEqual(perTurn, [5, 5, 2, 1]);
  assert.deepEqual(ran, [...names, 'added']);
});
