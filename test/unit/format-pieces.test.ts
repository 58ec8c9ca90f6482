/** A large change is written in pieces, and what comes of it is what would be written at once. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Event } from '../../src/domain/event.ts';
import { Frames } from '../../src/gateway/audience/frames.ts';
import type { Format } from '../../src/gateway/formats/format.ts';
import { createFormat } from '../../src/gateway/formats/formats.ts';
import { cleanText, isCleanText, PIECE_BYTES } from '../../src/gateway/formats/text.ts';
import { createRandom, type Random } from '../support/random.ts';

const fields = new Set(['from', 'seq', 'at'] as const);
const none = { fields: new Set<never>(), withChannel: false, heartbeat: 'comment' } as const;
const all = { fields, withChannel: true, heartbeat: 'comment' } as const;
const formats: Readonly<Record<string, Format>> = {
  'sse, the change alone': createFormat('sse', none),
  'sse, in an envelope': createFormat('sse', all),
  ndjson: createFormat('ndjson', all),
  raw: createFormat('raw', none),
};

/** What characters, and what is none, are made of. */
const bits = ['a', '"', '\\', '\n', '\t', 'é', '€', '😀', '\u2028', '\uFEFF', '\r', '\0'].map((text) =>
  Buffer.from(text),
);
const noText = ['80', 'ff', 'c3', 'e282', 'f09f98', 'eda080', 'f8888080'].map((hex) => Buffer.from(hex, 'hex'));
/** Clean ones, all characters, and anything. */
const kinds = [bits.slice(0, -3), bits, [...bits, ...noText]];

function bytesFrom(random: Random, length: number): Buffer {
  const kind = random.pick(kinds);
  const parts: Buffer[] = [];
  for (let made = 0; made < length; made += parts.at(-1)!.length) {
    const bit = random.pick(kind);
    parts.push(random.int(20) === 0 ? Buffer.concat(Array.from({ length: 30 }, () => bit)) : bit);
  }
  return Buffer.concat(parts);
}

/** By a decoder, and what it gives. */
function textIfClean(bytes: Buffer): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return /[\0\r]|^\uFEFF/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

const eventOf = (bytes: Buffer): Event => ({ offset: 7, from: 'ann.secret', seq: 3, atMs: 1_700_000_000_000, bytes });

function whole(format: Format, bytes: Buffer): string {
  return format.event(eventOf(bytes), 'room', 'cursor');
}

function inPieces(format: Format, bytes: Buffer): string[] {
  return [...format.pieces(eventOf(bytes), 'room', 'cursor')];
}

describe('a large change in pieces', () => {
  for (const [name, format] of Object.entries(formats)) {
    it(`${name}: joined they are the same frame, whatever it consists of`, () => {
      const random = createRandom(12);
      for (let i = 0; i < 150; i++) {
        const bytes = bytesFrom(random, PIECE_BYTES - 8 + random.int(3 * PIECE_BYTES));
        assert.equal(inPieces(format, bytes).join(''), whole(format, bytes), bytes.toString('hex'));
      }
    });

    it(`${name}: none of them is a large object to V8`, () => {
      for (const bit of [...bits, ...noText]) {
        const bytes = Buffer.concat(Array.from({ length: (256 << 10) / bit.length }, () => bit));
        const longest = Math.max(...inPieces(format, bytes).map(({ length }) => length));
        assert.ok(longest <= 56 << 10, `${longest} characters of ${bit.toString('hex')}`);
      }
    });
  }

  it('is clean exactly when it is read as clean text', () => {
    const random = createRandom(13);
    for (let i = 0; i < 2_000; i++) {
      const bytes = bytesFrom(random, 2 + random.int(12));
      assert.equal(isCleanText(bytes), cleanText(bytes) !== undefined, bytes.toString('hex'));
      assert.equal(cleanText(bytes), textIfClean(bytes), bytes.toString('hex'));
    }
  });
});

describe('frames', () => {
  it('their bytes are those of the text, however it was added', () => {
    const random = createRandom(14);
    for (let i = 0; i < 200; i++) {
      const frames = new Frames();
      const more = new Frames();
      let text = '';
      const count = random.int(12);
      for (let n = 0; n < count; n++) {
        const added = random.pick(['x', 'é€😀', '']).repeat(random.int(6_000));
        (n < count / 2 ? frames : more).add(added);
        text += added;
      }
      frames.addAll(more);
      assert.equal(frames.length, text.length);
      assert.equal(frames.toBytes().toString(), text);
    }
  });

  it('an event is written in pieces from a length on, and is the same frame', () => {
    const format = createFormat('ndjson', all);
    for (const length of [1, PIECE_BYTES, PIECE_BYTES + 1, 5 * PIECE_BYTES]) {
      const frames = new Frames();
      frames.add('before\n');
      frames.addEvent(format, eventOf(Buffer.alloc(length, 'é')), 'room', 'cursor');
      assert.equal(frames.toBytes().toString(), `before\n${whole(format, Buffer.alloc(length, 'é'))}`);
    }
  });
});
