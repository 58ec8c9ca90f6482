/** How much of a turn is for work in pieces: little while connections come, of which each turn accepts one. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createSoon } from '../../src/gateway/audience/soon.ts';
import { createRest } from '../../src/gateway/rest.ts';
import { createTurns } from '../../src/gateway/turns.ts';

const LONG_MS = 5;
const SHORT_MS = 0.1;

function parts() {
  const now = { ms: 1_000 };
  const clock = { wallMs: () => now.ms, elapsedMs: () => now.ms };
  return { now, clock, rest: createRest(clock) };
}

it('the part of a turn is short from a connection on until a turn has brought none, however long turns are', async () => {
  const { now, rest } = parts();
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  assert.equal(rest.sliceMs, LONG_MS);
  for (let came = 0; came < 3; came++) {
    rest.connected();
    assert.equal(rest.sliceMs, SHORT_MS);
    now.ms += 100;
    await turn();
    assert.equal(rest.sliceMs, SHORT_MS, 'the next may be accepted in the turn that begins');
  }
  await turn();
  await turn();
  assert.equal(rest.sliceMs, LONG_MS);
});

const workers = {
  'who enters turns'({ clock, rest }: ReturnType<typeof parts>, piece: () => void) {
    const turns = createTurns(clock, rest);
    void (async () => {
      const isDue = turns.enter();
      if (isDue) await isDue;
      piece();
      for (let i = 1; i < 20; i++) {
        const due = turns.enter();
        if (due) await due;
        piece();
      }
    })();
  },
  'who does something soon'({ clock, rest }: ReturnType<typeof parts>, piece: () => void) {
    const soon = createSoon(clock, rest);
    for (let i = 0; i < 20; i++) soon.add({ run: piece });
  },
};

for (const [who, work] of Object.entries(workers)) {
  it(`${who} has one piece of a millisecond a turn while connections come, and five when none do`, async () => {
    for (const [isConnecting, expected] of [
      [true, 1],
      [false, LONG_MS],
    ] as const) {
      const all = parts();
      const come = () => isConnecting && all.rest.connected();
      come();
      let pieces = 0;
      work(all, () => {
        pieces++;
        all.now.ms++;
        come();
      });
      let most = pieces;
      for (let before = pieces; pieces < 20; before = pieces) {
        await new Promise<void>((resolve) => setImmediate(resolve));
        most = Math.max(most, pieces - before);
      }
      assert.equal(most, expected);
    }
  });
}
