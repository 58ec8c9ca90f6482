/**
 * Whatever a client sends in a row, in whatever pieces, and however it reads: each request is run once and answered, in order. What
 * stops a connection for good, or runs a request twice, is found here by its seed.
 */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import { startHttpApp } from '../support/http-app.ts';
import { waitFor } from '../support/wait.ts';

const RUNS = Number(process.env.RUNS ?? 40);
const BODY_MAX = 300_000;
const HIGHEST = 20;
/** More than the kernel holds for both of them. */
const LARGE = 9_000_000;

/** Sizes in bytes; `turns`: of the server's loop, before it answers. */
const asked = fc.record({
  isPost: fc.boolean(),
  isChunked: fc.boolean(),
  body: fc.oneof(fc.constant(0), fc.nat(600), fc.nat(BODY_MAX)),
  answer: fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 3, arbitrary: fc.nat(600) },
    { weight: 3, arbitrary: fc.nat(BODY_MAX) },
    { weight: 1, arbitrary: fc.integer({ min: LARGE / 3, max: LARGE }) },
  ),
  turns: fc.oneof(fc.constant(0), fc.nat(5)),
});
type Asked = typeof asked extends fc.Arbitrary<infer T> ? T : never;

const conversation = fc.record({
  requests: fc.array(asked, { minLength: 1, maxLength: HIGHEST }),
  /** Of what is written at a time, bytes. */
  pieces: fc.array(fc.oneof(fc.integer({ min: 1, max: 700 }), fc.integer({ min: 1, max: 100_000 })), { minLength: 1 }),
  /** So many turns of the client's loop it does not read, first and after each chunk. */
  start: fc.oneof(fc.constant(0), fc.nat(500)),
  pauses: fc.array(fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(8) }), {
    minLength: 1,
  }),
  isHalfClosed: fc.boolean(),
});

function routes(app: FastifyInstance, ran: number[]): void {
  app.route<{ Params: { i: string }; Querystring: { answer: string; turns: string } }>({
    method: ['GET', 'POST'],
    url: '/:i',
    config: { right: 'open' },
    bodyLimit: 2 * BODY_MAX,
    handler: async (request) => {
      ran.push(Number(request.params.i));
      for (let i = 0; i < Number(request.query.turns); i++) await turn();
      const { length } = (request.body as Buffer | null) ?? '';
      return `${request.params.i}:${length}:${'a'.repeat(Number(request.query.answer))}`;
    },
  });
}

function bytesOf({ isPost, isChunked, body, answer, turns }: Asked, i: number): string {
  const head = `${isPost ? 'POST' : 'GET'} /${i}?answer=${answer}&turns=${turns} HTTP/1.1\r\nHost: localhost\r\n`;
  if (!isPost) return `${head}\r\n`;
  const type = `${head}Content-Type: application/octet-stream\r\n`;
  const text = 'b'.repeat(body);
  if (!isChunked) return `${type}Content-Length: ${body}\r\n\r\n${text}`;
  const chunks = text.match(/.{1,5000}/g) ?? [];
  const coded = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('');
  return `${type}Transfer-Encoding: chunked\r\n\r\n${coded}0\r\n\r\n`;
}

/** The bodies of the answers, as far as they are there. */
function answersIn(text: string): string[] {
  const bodies: string[] = [];
  for (let at = 0; ; ) {
    const end = text.indexOf('\r\n\r\n', at);
    if (end < 0) return bodies;
    const head = text.slice(at, end);
    assert.match(head, /^HTTP\/1\.1 200 /);
    const length = Number(/^content-length: (\d+)\r?$/im.exec(head)?.[1]);
    at = end + 4 + length;
    if (text.length < at) return bodies;
    bodies.push(text.slice(end + 4, at));
  }
}

async function write(socket: Socket, text: string, pieces: readonly number[]): Promise<void> {
  for (let at = 0, i = 0; at < text.length; i++) {
    const piece = text.slice(at, at + pieces[i % pieces.length]!);
    at += piece.length;
    await new Promise((resolve) => socket.write(piece, resolve));
  }
}

function readWithPauses(socket: Socket, start: number, pauses: readonly number[]): { text: () => string } {
  let text = '';
  let chunks = 0;
  const pause = async (turns: number) => {
    socket.pause();
    for (let i = 0; i < turns; i++) await turn();
    socket.resume();
  };
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
    const turns = pauses[chunks++ % pauses.length]!;
    if (turns > 0) void pause(turns);
  });
  void pause(start);
  return { text: () => text };
}

it('any requests in a row are each run once and answered in order', async () => {
  const ran: number[] = [];
  await using http = await startHttpApp((app) => routes(app, ran));
  await fc.assert(
    fc.asyncProperty(conversation, async ({ requests, pieces, start, pauses, isHalfClosed }) => {
      ran.length = 0;
      const socket = connect({ port: http.port, host: '127.0.0.1', allowHalfOpen: true });
      try {
        const read = readWithPauses(socket, start, pauses);
        const written = write(socket, requests.map(bytesOf).join(''), pieces).then(() => {
          if (isHalfClosed) socket.end();
        });
        const count = () => answersIn(read.text()).length;
        await waitFor(() => count() === requests.length || socket.destroyed, {
          what: () => `${requests.length} answers, of which ${count()} are there`,
          // To count is to go through megabytes, and the server lives in the same process.
          everyMs: 100,
          // Megabytes in pieces of some bytes, on a machine that does other things.
          timeoutMs: 120_000,
        });
        await written;
        if (isHalfClosed)
          await waitFor(() => socket.readableEnded, { what: 'the end, behind the last answer', timeoutMs: 120_000 });
        const expected = requests.map(
          ({ isPost, body, answer }, i) => `${i}:${isPost ? body : 0}:${'a'.repeat(answer)}`,
        );
        const brief = (answers: readonly string[]) => answers.map((each) => `${each.slice(0, 20)} ${each.length}`);
        assert.deepEqual(brief(answersIn(read.text())), brief(expected));
        assert.deepEqual(ran, [...requests.keys()]);
      } finally {
        socket.destroy();
      }
    }),
    { numRuns: RUNS, interruptAfterTimeLimit: 60_000, includeErrorInReport: true },
  );
});
