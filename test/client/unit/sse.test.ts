/** The parser of Server-Sent Events, wherever its text is cut (22), beside a widely used one and the tests' own. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import { createSseParser, type Frame } from '../../../src/client/sse.ts';

const SCRIPT =
  'retry: 2731\nid: k3v9qa.0\nevent: $sync\ndata: {"status":"fresh"}\n\n' +
  ':\n\nid: k3v9qa.1\ndata: grüße 🙂\n\nid: k3v9qa.2\ndata: two\ndata:  lines\ndata\n\n';

const FRAMES: Frame[] = [
  { event: '$sync', data: '{"status":"fresh"}', id: 'k3v9qa.0', retryMs: 2731 },
  { event: 'message', data: 'grüße 🙂', id: 'k3v9qa.1' },
  { event: 'message', data: 'two\n lines\n', id: 'k3v9qa.2' },
];

function parse(bytes: Uint8Array, cuts: readonly number[]): Frame[] {
  const parser = createSseParser();
  const decoder = new TextDecoder();
  const frames: Frame[] = [];
  let start = 0;
  for (const cut of [...cuts, bytes.length]) {
    frames.push(...parser.push(decoder.decode(bytes.subarray(start, cut), { stream: true })));
    start = cut;
  }
  return frames;
}

describe('the SSE parser', () => {
  for (const [name, end] of [
    ['LF', '\n'],
    ['CRLF', '\r\n'],
    ['CR', '\r'],
  ] as const) {
    const bytes = Buffer.from(`\uFEFF${SCRIPT.replaceAll('\n', end)}`);

    it(`finds the same frames wherever ${name} text is cut, and byte by byte`, () => {
      for (let i = 0; i <= bytes.length; i++) assert.deepEqual(parse(bytes, [i]), FRAMES, `cut at ${i}`);
      assert.deepEqual(
        parse(
          bytes,
          Array.from({ length: bytes.length }, (_, i) => i),
        ),
        FRAMES,
      );
    });

    it(`gives nothing of a frame that is not ended (${name})`, () => {
      for (let i = 0; i < bytes.length; i++) {
        const frames = parse(bytes.subarray(0, i), []);
        assert.deepEqual(frames, FRAMES.slice(0, frames.length), `ended at ${i}`);
      }
    });
  }

  it('finds what eventsource-parser finds, in any text', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '\n',
        '\n\n',
        '\r',
        '\r\n',
        ':',
        ': ',
        ' ',
        'data',
        'data: ',
        'data:x',
        'id: ',
        'id',
        'event: y',
        'retry: 12',
        'retry: 1x',
      ),
      fc.string({ maxLength: 3 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const found: { event: string; data: string }[] = [];
        const reference = createParser({
          onEvent: ({ event = 'message', data }) => found.push({ event: event || 'message', data }),
        });
        const parser = createSseParser();
        // Ours is given text from a decoder, which takes the mark away; a NUL is no id.
        const text = `${pieces.join('').replaceAll('\uFEFF', '')}\n\n`;
        reference.feed(text);
        const frames = pieces.flatMap((each) => parser.push(each.replaceAll('\uFEFF', '')));
        frames.push(...parser.push('\n\n'));
        assert.deepEqual(
          frames.map(({ event, data }) => ({ event, data })),
          found,
        );
      }),
      { numRuns: 2_000 },
    );
  });

  it('keeps an id for the frames that follow, and takes none with a NUL', () => {
    const frames = createSseParser().push('id: a\ndata: 1\n\ndata: 2\n\nid: b\0\ndata: 3\n\nid\ndata: 4\n\n');
    assert.deepEqual(
      frames.map(({ id, data }) => `${data} ${id}`),
      ['1 a', '2 a', '3 a', '4 '],
    );
  });
});
