/** Who asks for a stream waits for those who connect: for how long, how many, and in which order. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createPace, type Paced } from '../../src/http/pace.ts';
import { asksForStream } from '../../src/http/stream-request.ts';

const BEGUN_WHILE_CONNECTING = 4;
const HELD_BACK_MAX = 1_000;
const HELD_BACK_MS = 1_000;

function parts() {
  const now = { ms: 5_000 };
  const pace = createPace({ wallMs: () => now.ms, elapsedMs: () => now.ms });
  const begun: number[] = [];
  let came = 0;
  const come = (count: number, hasTime = true) => {
    for (let i = 0; i < count; i++) {
      const number = came++;
      const paced: Paced = { address: 'a', hasTime, proceed: () => begun.push(number) };
      if (pace.enter(paced)) paced.proceed();
    }
  };
  const connectFor = async (turns: number) => {
    for (let i = 0; i < turns; i++) {
      pace.connected();
      await nextTurn();
    }
  };
  return { now, pace, begun, come, connectFor };
}

it('none begins while connections come, and all do, in the order in which they came, when none does any more', async () => {
  const { pace, begun, come } = parts();
  for (let turns = 0; turns < 50; turns++) {
    pace.connected();
    come(1);
    await nextTurn();
  }
  assert.deepEqual(begun, []);
  await nextTurn();
  assert.equal(begun.length, BEGUN_WHILE_CONNECTING);
  come(1);
  while (begun.length < 51) {
    const before: number = begun.length;
    await nextTurn();
    assert.equal(begun.length, Math.min(51, before + BEGUN_WHILE_CONNECTING));
  }
  assert.deepEqual(begun, [...Array(51).keys()]);
});

it('others go before them', async () => {
  const { pace, begun, come, connectFor } = parts();
  pace.connected();
  come(2);
  come(2, false);
  await connectFor(2);
  assert.deepEqual(begun, [2, 3]);
});

it('who has been held back for a second begins although connections come', async () => {
  const { now, pace, begun, come, connectFor } = parts();
  pace.connected();
  come(BEGUN_WHILE_CONNECTING + 1);
  now.ms += HELD_BACK_MS - 1;
  await connectFor(3);
  assert.equal(begun.length, 0);
  now.ms++;
  await connectFor(1);
  assert.equal(begun.length, BEGUN_WHILE_CONNECTING);
});

it('no more than a thousand are held back: for one more the first begins', async () => {
  const { pace, begun, come, connectFor } = parts();
  pace.connected();
  come(HELD_BACK_MAX + 5);
  await connectFor(10);
  assert.deepEqual(begun, [0, 1, 2, 3, 4]);
});

it('a request for a stream is known by its path, whole in the first bytes', () => {
  const asks = (text: string) => asksForStream(Buffer.from(text));
  assert.equal(asks('GET /c/room/events?since=now HTTP/1.1\r\nHost: a\r\n'), true);
  assert.equal(asks('GET /c/room/history HTTP/1.1\r\nReferer: http://a/c/room/events\r\n'), false);
  assert.equal(asks('POST /c/room/events HTTP/1.1\r\n'), false);
  assert.equal(asks('GET /c/room/events'), false);
  assert.equal(asks(''), false);
});
