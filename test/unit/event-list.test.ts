/** The events of an answer: in pieces and slices they are what they would be at once. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import type { Channel } from '../../src/domain/channel.ts';
import type { Event } from '../../src/domain/event.ts';
import { envelopeOf, envelopePieces } from '../../src/gateway/formats/envelope.ts';
import { ENVELOPE_FIELDS } from '../../src/gateway/formats/format.ts';
import { EventList } from '../../src/gateway/routes/event-list.ts';
import { createSlicePool } from '../../src/gateway/routes/slice-pool.ts';
import { noRest } from '../support/gateway-parts.ts';

const channel = 'room' as Channel;
const options = { fields: new Set(ENVELOPE_FIELDS), withChannel: true };
const PIECE = 8192;

const eventOf = (bytes: Uint8Array): Event => ({ offset: 1, from: 'ann.1', seq: 7, atMs: 5, bytes });

/** Around the length of a piece, where a character may be cut. */
const texts = fc
  .tuple(fc.integer({ min: PIECE - 3, max: 3 * PIECE }), fc.constantFrom('y', '\u0001', 'é', '漢', '😀', '"', '\\'))
  .map(([length, unit]) => 'x'.repeat(length % 3) + unit.repeat(length).slice(0, 4 * PIECE))
  .map((text) => new TextEncoder().encode(text));
const blobs = fc.uint8Array({ minLength: PIECE - 3, maxLength: 7 * PIECE });
const small = fc.uint8Array({ maxLength: 3 });

it('an event in pieces is the event, of whatever bytes', () => {
  fc.assert(
    fc.property(fc.oneof(texts, blobs, small), (bytes) => {
      const pieces = [...envelopePieces(eventOf(bytes), channel, options, 'c')];
      assert.equal(pieces.join(''), envelopeOf(eventOf(bytes), channel, options, 'c'));
      for (const piece of pieces) assert.ok(piece.length <= 6 * PIECE + 200);
    }),
  );
});

it('an answer holds all events, weighs what it is, and is made in as many turns as it has slices', async () => {
  const events = ['one', '\u0001'.repeat(256 << 10), 'é'.repeat(70_000), 'last'].map((text) =>
    eventOf(Buffer.from(text)),
  );
  let turns = 0;
  const next = () => {
    turns++;
    return Promise.resolve();
  };
  const list = new EventList(
    { rest: noRest, enter: () => undefined, next },
    { maxBytes: 1e9, pool: createSlicePool() },
  );
  let bytes = 0;
  for (const event of events) bytes += await list.add(envelopePieces(event, channel, options));
  assert.deepEqual([list.count, list.bytes], [4, bytes]);
  const body = Buffer.concat(list.toBody({ cursor: 'c' }, true)).toString();
  const expected = events.map((event) => envelopeOf(event, channel, options)).join(',');
  assert.equal(body, `{"cursor":"c","events":[${expected}],"more":true}`);
  assert.equal(bytes, Buffer.byteLength(expected));
  assert.ok(turns >= 16, `${turns} turns for 1.6 MiB`);
});
