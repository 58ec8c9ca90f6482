/** The shortcut's connections: what it answers, what it hands over to Node's HTTP server, and how each of them ends. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { it } from 'node:test';
import { createAddresses } from '../../src/http/addresses.ts';
import { createPace, type Pace, type Paced } from '../../src/http/pace.ts';
import type { PlainRequest } from '../../src/http/plain-request.ts';
import { openShortcut, type PlainAnswer, type Shortcut } from '../../src/http/shortcut.ts';
import { waitFor } from '../support/wait.ts';

const FAR_ABOVE_WHAT_SOCKETS_BUFFER_BYTES = 32 * 1024 * 1024;

/** Of such an answer, on a machine that does ten things. */
const TOLD_MS = 30_000;

interface Options {
  readonly firstByteMs?: number;
  readonly keepAliveMs?: number;
  readonly pace?: Pace;
}

interface Taken {
  readonly request: PlainRequest;
  readonly answer: PlainAnswer;
}

/** A server whose shortcut keeps what it is given until the test answers, and whose Node says that it was Node. */
async function startBench({ firstByteMs = 60_000, keepAliveMs = 60_000, pace = createPace() }: Options = {}) {
  const taken: Taken[] = [];
  const server: Server = createServer((request, response) => {
    request.resume().once('end', () => response.end(`node: ${request.url}`));
  });
  // As the real one has it.
  Object.assign(server, { httpAllowHalfOpen: true });
  const handedOver: Socket[] = [];
  server.on('connection', (socket) => handedOver.push(socket));
  const owed = new Set<PlainAnswer>();
  const shortcut: Shortcut = openShortcut(server, {
    admits: ({ hostStart, hostEnd }, chunk) => chunk.toString('latin1', hostStart, hostEnd) !== 'stranger',
    maxBodyBytes: 10,
    endOfKnown: () => -1,
    pace,
    addresses: createAddresses({ trustProxy: [], log: { warn: () => undefined } }),
    firstByteMs,
    keepAliveMs,
    fieldsFor: (origin) => `Allowed: ${origin}\r\n`,
    failure: ({ message }, fields) => `HTTP/1.1 503 ${message}\r\n${fields}Content-Length: 0\r\n\r\n`,
    handler(request, answer) {
      if (request.path === '/not-mine') return false;
      owed.add(answer);
      const settled = (settle: () => void) => {
        owed.delete(answer);
        settle();
      };
      taken.push({
        request,
        answer: {
          from: (asked, chunk) => answer.from(asked, chunk),
          noContent: () => settled(() => answer.noContent()),
          failed: (error) => settled(() => answer.failed(error)),
        },
      });
      return true;
    },
  });
  const accepted: Socket[] = [];
  server.on('connection', (socket) => accepted.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const sockets: Socket[] = [];
  return {
    taken,
    accepted,
    handedOver,
    shortcut,
    server,
    /** The nth request that was taken. */
    take: (nth: number) => waitFor(() => taken[nth], { what: `request ${nth}` }),
    /** A connection, and all it was answered. */
    connect() {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      sockets.push(socket);
      const client = { socket, text: '', isEnded: false };
      socket.on('data', (chunk: Buffer) => {
        client.text += chunk
          .toString('latin1')
          .replace(/Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT/, 'Date: now');
      });
      socket.on('error', () => {});
      socket.once('end', () => {
        client.isEnded = true;
      });
      return {
        send: (bytes: string) => void socket.write(bytes),
        finish: () => void socket.end(),
        stopReading: () => void socket.pause(),
        read: () => void socket.resume(),
        text: () => client.text,
        told: (part: string) =>
          waitFor(() => client.text.includes(part), {
            timeoutMs: TOLD_MS,
            what: () => `${part} in ${client.text.slice(-1_000)}`,
          }),
        ended: () => waitFor(() => client.isEnded, { what: 'the end' }),
      };
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      for (const answer of owed) answer.noContent();
      server.closeAllConnections();
      shortcut.close();
      server.close();
      await once(server, 'close');
    },
  };
}

const post = (path: string, field = '') =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\n${field}Content-Length: 1\r\n\r\n${path.at(-1)}`;

const NO_CONTENT = 'HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n';

it('a plain request is answered, one after the other on one connection', async () => {
  await using bench = await startBench();
  const client = bench.connect();
  for (let i = 0; i < 3; i++) {
    client.send(post(`/c/${i}`));
    const { request, answer } = await bench.take(i);
    assert.deepEqual([request.path, request.body.toString()], [`/c/${i}`, String(i)]);
    answer.noContent();
    await client.told(NO_CONTENT.repeat(i + 1));
  }
  assert.equal(client.text(), NO_CONTENT.repeat(3));
});

it('what is not admitted is handed over, whoever asks for it next on that connection', async () => {
  await using bench = await startBench();
  const client = bench.connect();
  client.send(post('/a').replace('Host: x', 'Host: stranger'));
  await client.told('node: /a');
  client.send(post('/b'));
  await client.told('node: /b');
  assert.equal(bench.taken.length, 0);
});

it('what depends on the origin is in the answer, whatever that is', async () => {
  await using bench = await startBench();
  const client = bench.connect();
  client.send(post('/a', 'Origin: o1\r\n'));
  (await bench.take(0)).answer.noContent();
  await client.told('HTTP/1.1 204 No Content\r\nDate: now\r\nAllowed: o1\r\n\r\n');
  client.send(post('/b', 'Origin: o2\r\n'));
  (await bench.take(1)).answer.failed(new Error('Away'));
  await client.told('HTTP/1.1 503 Away\r\nDate: now\r\nAllowed: o2\r\nContent-Length: 0\r\n\r\n');
  client.send(post('/c'));
  (await bench.take(2)).answer.noContent();
  await client.told(NO_CONTENT);
});

it('anything else is handed over, on a new connection and on one that was answered, and stays there', async () => {
  await using bench = await startBench();
  const client = bench.connect();
  client.send(post('/a'));
  (await bench.take(0)).answer.noContent();
  await client.told(NO_CONTENT);
  client.send('GET /b HTTP/1.1\r\nHost: x\r\n\r\n');
  await client.told('node: /b');
  client.send(post('/c'));
  await client.told('node: /c');
  const other = bench.connect();
  other.send(post('/not-mine'));
  await other.told('node: /not-mine');
  assert.equal(bench.taken.length, 1);
});

it('a request in pieces is handed over with its first', async () => {
  await using bench = await startBench();
  const client = bench.connect();
  const bytes = post('/c/room');
  client.send(bytes.slice(0, 20));
  await waitFor(() => bench.handedOver.length === 1, { what: 'the first piece to be handed over' });
  client.send(bytes.slice(20));
  await client.told('node: /c/room');
});

it('two in one chunk are handed over together, and answered in their order', async () => {
  await using bench = await startBench();
  const client = bench.connect();
  client.send(post('/a') + post('/b'));
  await client.told('node: /b');
  assert.ok(client.text().indexOf('node: /a') < client.text().indexOf('node: /b'));
  assert.equal(bench.taken.length, 0);
});

it('what comes before the answer waits for it, in the order in which it came', async () => {
  await using bench = await startBench();
  const client = bench.connect();
  client.send(post('/a'));
  const { answer } = await bench.take(0);
  const { bytesRead } = bench.accepted[0]!;
  const behind = Array.from({ length: 200 }, (_, i) => `/${i}/${'y'.repeat(1000)}`);
  client.send(post(behind[0]!));
  await waitFor(() => bench.accepted[0]!.bytesRead > bytesRead, { what: 'the next to be read' });
  for (const path of behind.slice(1)) client.send(post(path));
  client.send('GET /last HTTP/1.1\r\nHost: x\r\n\r\n');
  answer.noContent();
  await client.told('node: /last');
  assert.ok(client.text().startsWith(NO_CONTENT));
  const answered = [...client.text().matchAll(/node: (\/\d+\/y+)/g)].map(([, path]) => path);
  assert.deepEqual(answered, behind);
  assert.equal(bench.taken.length, 1);
});

it('who sends no more still gets the answer, and then the end', async () => {
  await using bench = await startBench();
  const client = bench.connect();
  client.send(post('/a'));
  client.finish();
  (await bench.take(0)).answer.noContent();
  await client.ended();
  assert.equal(client.text(), NO_CONTENT);
});

it('who sends no more behind a request that waits for an answer has that one answered too', async () => {
  await using bench = await startBench();
  const client = bench.connect();
  client.send(post('/a'));
  const { answer } = await bench.take(0);
  const { bytesRead } = bench.accepted[0]!;
  client.send('GET /last HTTP/1.1\r\nHost: x\r\n\r\n');
  await waitFor(() => bench.accepted[0]!.bytesRead > bytesRead, { what: 'the next to be read' });
  client.finish();
  await hasItsEnd(bench.accepted[0]!);
  answer.noContent();
  await client.told('node: /last');
  await client.ended();
});

it('who waits to be handed over is silent until it is its turn, whatever comes behind', async () => {
  const waiting: Paced[] = [];
  const wait = (paced: Paced) => void waiting.push(paced);
  await using bench = await startBench({
    firstByteMs: 20,
    pace: {
      wait,
      enter(paced) {
        wait(paced);
        return false;
      },
    },
  });
  const client = bench.connect();
  client.send('GET /a HTTP/1.1\r\nHost: x\r\n\r\n');
  await waitFor(() => waiting.length === 1, { what: 'the first to wait' });
  assert.equal(waiting[0]!.address, '127.0.0.1');
  client.send(post('/b'));
  client.finish();
  await hasItsEnd(bench.accepted[0]!);
  const silent = bench.connect();
  await silent.ended();
  assert.equal(bench.handedOver.length, 0);
  waiting[0]!.proceed();
  await client.told('node: /b');
  await client.ended();
  assert.ok(client.text().indexOf('node: /a') < client.text().indexOf('node: /b'));
  assert.deepEqual([bench.taken.length, waiting.length], [0, 1]);
});

it('who has left meanwhile is not handed over', async () => {
  const waiting: Paced[] = [];
  const wait = (paced: Paced) => void waiting.push(paced);
  const enter = (paced: Paced) => waiting.push(paced) < 0;
  await using bench = await startBench({ pace: { wait, enter } });
  const client = bench.connect();
  client.send('GET /a HTTP/1.1\r\nHost: x\r\n\r\n');
  await waitFor(() => waiting.length === 1, { what: 'it to wait' });
  bench.accepted[0]!.destroy();
  await client.ended();
  waiting[0]!.proceed();
  assert.equal(bench.handedOver.length, 0);
});

it('who leaves without an answer leaves nothing behind', async () => {
  await using bench = await startBench();
  const client = bench.connect();
  client.send(post('/a'));
  const { answer } = await bench.take(0);
  client.finish();
  answer.noContent();
  await waitFor(async () => (await connectionsOf(bench.server)) === 0, { what: 'the connection to be gone' });
  const silent = bench.connect();
  silent.finish();
  await silent.ended();
});

it('who does not read is handed over to Node', async () => {
  await using bench = await startBench();
  const client = bench.connect();
  client.stopReading();
  client.send(post('/a'));
  const { answer } = await bench.take(0);
  answer.failed(new Error('y'.repeat(FAR_ABOVE_WHAT_SOCKETS_BUFFER_BYTES)));
  client.send(post('/b'));
  client.read();
  await client.told('node: /b');
  assert.equal(bench.taken.length, 1);
});

it('a connection that says nothing is closed without an answer, as an idle one is', async () => {
  await using bench = await startBench({ firstByteMs: 50, keepAliveMs: 50 });
  const silent = bench.connect();
  await silent.ended();
  assert.equal(silent.text(), '');
  const idle = bench.connect();
  idle.send(post('/a'));
  const { answer } = await bench.take(0);
  answer.noContent();
  await idle.ended();
  assert.equal(idle.text(), NO_CONTENT);
});

it('no time-out ends a connection whose answer is owed', async () => {
  await using bench = await startBench({ firstByteMs: 20, keepAliveMs: 20 });
  const client = bench.connect();
  client.send(post('/a'));
  const { answer } = await bench.take(0);
  const silent = bench.connect();
  await silent.ended();
  answer.noContent();
  await client.ended();
  assert.equal(client.text(), NO_CONTENT);
});

it('closing ends idle connections at once and the others with their answer; new requests are for Node', async () => {
  await using bench = await startBench();
  const [idle, owed, late] = [bench.connect(), bench.connect(), bench.connect()];
  idle.send(post('/a'));
  (await bench.take(0)).answer.noContent();
  await idle.told(NO_CONTENT);
  owed.send(post('/b'));
  const { answer } = await bench.take(1);
  await waitFor(() => bench.accepted.length === 3, { what: 'the third connection' });
  bench.shortcut.close();
  await idle.ended();
  answer.noContent();
  await owed.ended();
  assert.equal(owed.text(), NO_CONTENT);
  // Although its client has not closed its side.
  await waitFor(() => bench.accepted.filter(({ destroyed }) => destroyed).length === 3, { what: 'all to be closed' });
  const after = bench.connect();
  after.send(post('/c'));
  await after.told('node: /c');
  await late.ended();
});

it('what is still owed when there is no more time is closed without', async () => {
  await using bench = await startBench();
  const owed = bench.connect();
  owed.send(post('/a'));
  await bench.take(0);
  bench.shortcut.close();
  bench.shortcut.closeAll();
  await owed.ended();
  assert.equal(owed.text(), '');
});

/** The client's end of what it sends has arrived, whether or not somebody has read up to it. */
function hasItsEnd(socket: Socket): Promise<unknown> {
  const { _readableState: state } = socket as Socket & { _readableState: { ended: boolean } };
  return waitFor(() => state.ended, { what: 'the end of what the client sends' });
}

function connectionsOf(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}
