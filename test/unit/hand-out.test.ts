/** What all streams have is let go of, and nothing sooner. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { systemClock } from '../../src/clock.ts';
import { Frames } from '../../src/gateway/audience/frames.ts';
import { HandOut } from '../../src/gateway/audience/hand-out.ts';
import type { Chunk, Recipient } from '../../src/gateway/audience/recipient.ts';
import { createSoon } from '../../src/gateway/audience/soon.ts';
import { waitFor } from '../support/wait.ts';

/** Takes all there is. */
class Reader {
  readonly positions = [];
  readonly transport = { isFull: false };
  readonly isClosed = false;
  text = '';
  at: Chunk | null = null;

  get isBehind(): boolean {
    return this.at!.next !== null;
  }

  advance(): number {
    let events = 0;
    while (this.at!.next) {
      this.at = this.at!.next;
      this.text += this.at.bytes;
      events += this.at.events;
    }
    return events;
  }

  fail(error: unknown): void {
    throw error;
  }
}

function handOutTo(count: number) {
  const deps = { clock: systemClock, soon: createSoon(systemClock), onDelivered: () => undefined };
  const handOut = new HandOut(['e'], [0], { passed: () => handOut.seal() }, deps);
  const readers = Array.from({ length: count }, () => new Reader());
  for (const reader of readers) {
    reader.at = handOut.tail;
    handOut.streams.add(reader as unknown as Recipient);
  }
  let sent = 0;
  const send = (isChunk = false) => {
    sent++;
    const frames = new Frames();
    frames.add(`${sent} `);
    handOut.take({ frames, events: 1, isAll: true }, [sent], isChunk);
    return handOut.tail;
  };
  return { handOut, readers, send };
}

it('a chunk that all have holds neither its bytes nor what comes after it', () => {
  const { handOut, readers, send } = handOutTo(3);
  const before = handOut.tail;
  const first = send();
  const second = send();
  assert.deepEqual([before.next, first.next], [null, null]);
  assert.deepEqual([first.bytes.length, second.bytes.length], [0, 0]);
  assert.equal(handOut.tail, second);
  assert.deepEqual(second.offsets, [2]);
  for (const { text } of readers) assert.equal(text, '1 2 ');
});

it('one that some are still to be given holds both until they have it, whoever comes meanwhile', async () => {
  const { handOut, readers, send } = handOutTo(1_300);
  const before = handOut.tail;
  const first = send();
  assert.equal(readers.at(-1)!.text, '', 'a pass takes more than one turn');
  send(true);
  assert.equal(before.next, first);
  assert.equal(String(first.bytes), '1 ');
  const late = new Reader();
  late.at = handOut.tail;
  handOut.streams.add(late as unknown as Recipient);
  await waitFor(() => readers.every(({ text }) => text === '1 2 '), { what: 'all to have both' });
  const isLetGo = () => before.next === null && first.next === null && handOut.tail.bytes.length === 0;
  await waitFor(isLetGo, { what: 'both to be let go of, when the pass that gave the last of them is over' });
  assert.equal(late.text, '', 'it came after both');
});
