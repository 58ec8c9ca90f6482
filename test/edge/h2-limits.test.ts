/** The bounds of one HTTP/2 connection at both edges: streams at once, and a header that goes on and on. Resets: `resets.test.ts`. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { newChannel } from '../contract/protocol/kit.ts';
import { type Edge, type EdgeProcess, edges, startEdge } from '../support/edge.ts';
import { request } from '../support/http.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';
import { continued, getRequest, openHeader, preface } from './abuse/frames.ts';

/** Of both templates. */
const STREAMS = 100;
const ASKED = 150;
const RST_STREAM = 0x3;
const REFUSED_STREAM = 0x7;
/** Far above what a header may have, 16 KiB, and what two kernels hold on the way. */
const ENDLESS_BYTES = 256 * 1024 * 1024;
const PIECES = 500;

/** What came, frame by frame (RFC 9113, 4.1). */
class Frames {
  readonly seen: { readonly type: number; readonly stream: number; readonly payload: Buffer }[] = [];
  #rest = Buffer.alloc(0);

  push(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 9 && this.#rest.length >= 9 + this.#rest.readUIntBE(0, 3)) {
      const end = 9 + this.#rest.readUIntBE(0, 3);
      const payload = this.#rest.subarray(9, end);
      this.seen.push({ type: this.#rest[3]!, stream: this.#rest.readUInt32BE(5), payload });
      this.#rest = this.#rest.subarray(end);
    }
  }
}

async function open(proxy: EdgeProcess): Promise<TLSSocket> {
  const { hostname, port } = new URL(proxy.tlsUrl);
  const options = { host: hostname, port: Number(port), ALPNProtocols: ['h2'], rejectUnauthorized: false };
  const socket = connect(options);
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  socket.write(preface);
  return socket;
}

/** For both edges: each has nothing left open when the other begins. */
let server: ServerProcess;
before(async () => {
  server = await startServer({ env: { DRAIN_MS: '0' } });
});
after(() => server?.stop());

function limitTests(edge: Edge): void {
  let proxy: EdgeProcess;
  before(async () => {
    proxy = await startEdge(edge, { buckets: [server], gateways: [server] });
  });
  after(() => proxy?.stop());
  const streams = async () => (await request(server.url, '/load')).json<{ streams: number }>().streams;

  it(`of ${ASKED} streams that are asked for at once ${STREAMS} are had, and the others are refused to be asked for again`, async () => {
    const socket = await open(proxy);
    const frames = new Frames();
    socket.on('data', (chunk: Buffer) => frames.push(chunk));
    const channel = newChannel();
    const all = Array.from({ length: ASKED }, (_, i) => getRequest(2 * i + 1, `/c/${channel}/events`));
    socket.write(Buffer.concat(all));
    const refused = () =>
      frames.seen.filter(({ type, payload }) => type === RST_STREAM && payload.readUInt32BE(0) === REFUSED_STREAM);
    await waitFor(() => refused().length >= ASKED - STREAMS, { what: () => `refusals: ${refused().length}` });
    await waitFor(async () => (await streams()) === STREAMS, { what: `${STREAMS} streams` });
    assert.equal(refused().length, ASKED - STREAMS);
    socket.destroy();
    await waitFor(async () => (await streams()) === 0, { what: 'all to have left' });
  });

  it('a header that does not end is hung up on', async (t) => {
    const socket = await open(proxy);
    socket.resume();
    let isOver = false;
    socket.once('close', () => {
      isOver = true;
    });
    const pieces = Buffer.concat(Array.from({ length: PIECES }, () => continued(1)));
    const startedMs = performance.now();
    let sent = 0;
    socket.write(openHeader(1, '/c/a/state'));
    const more = () => {
      // What the kernel takes says nothing of what the edge takes: it goes on until it is hung up on.
      for (let fits = true; fits && !isOver && sent < ENDLESS_BYTES; sent += pieces.length) fits = socket.write(pieces);
    };
    socket.on('drain', more);
    more();
    await waitFor(() => isOver || sent >= ENDLESS_BYTES, { what: () => `an end; ${sent} bytes were sent` });
    t.diagnostic(`hung up on after ${sent} bytes, ${Math.round(performance.now() - startedMs)} ms`);
    assert.ok(isOver, `it took ${sent} bytes`);
    assert.equal((await request(proxy.plainUrl, '/c/a', { method: 'POST', body: 'x' })).status, 204);
  });
}

for (const edge of edges) describe(`one HTTP/2 connection at ${edge}`, () => limitTests(edge));
