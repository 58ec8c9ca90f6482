/** What answers weigh that nobody takes is bounded: they become short, then who takes nothing is cut, then they are refused. */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import type { FastifyReply } from 'fastify';
import { systemClock } from '../../src/clock.ts';
import { Problem } from '../../src/errors.ts';
import { createJsonAnswers } from '../../src/gateway/routes/json-answers.ts';
import { createSlicePool } from '../../src/gateway/routes/slice-pool.ts';
import { createMetrics } from '../../src/metrics.ts';
import { request } from '../support/http.ts';
import { startHttpApp } from '../support/http-app.ts';
import { waitFor } from '../support/wait.ts';

const MIB = 1024 * 1024;

/** A client of its own, who takes nothing but what `take` says. */
class Client {
  readonly response = new EventEmitter();
  sent: Buffer | null = null;
  isCut = false;
  readonly socket = {
    writableLength: 0,
    _handle: { bytesWritten: 0, writeQueueSize: 0 },
    destroy: () => {
      this.isCut = true;
      this.response.emit('close');
    },
  };

  get reply(): FastifyReply {
    const reply = {
      raw: this.response,
      request: { raw: { socket: this.socket } },
      headers: () => reply,
      send: (body: Buffer) => {
        this.sent = body;
        this.socket.writableLength = body.length;
        return reply;
      },
    };
    return reply as unknown as FastifyReply;
  }

  takeSome(): void {
    this.socket._handle.bytesWritten++;
  }

  takeAll(): void {
    this.socket.writableLength = 0;
    this.response.emit('close');
  }
}

function prepare() {
  let nowMs = 0;
  const metrics = createMetrics();
  const answers = createJsonAnswers({ clock: { ...systemClock, elapsedMs: () => nowMs }, metrics });
  const send = (bytes: number | readonly Buffer[]) => {
    const client = new Client();
    answers.send(client.reply, typeof bytes === 'number' ? [Buffer.alloc(bytes)] : bytes);
    return client;
  };
  const pass = (ms: number) => {
    nowMs += ms;
  };
  const weight = async () => (await metrics.unreadBytes.get()).values[0]!.value;
  return { answers, send, pass, weight };
}

const isOverloaded = (error: unknown) => error instanceof Problem && error.code === 'overloaded';

describe('answers in JSON', () => {
  it('are short while those that nobody has taken weigh 64 MiB', () => {
    const { answers, send } = prepare();
    const clients = Array.from({ length: 64 }, () => send(MIB));
    assert.equal(answers.maxBytes, 64 * 1024);
    clients[0]!.takeAll();
    assert.equal(answers.maxBytes, MIB);
  });

  it('are refused at 128 MiB when all clients take something, but for small ones', () => {
    const { answers, send, pass } = prepare();
    const clients = Array.from({ length: 128 }, () => send(MIB));
    for (let seconds = 0; seconds < 5; seconds++) {
      pass(1_000);
      for (const client of clients) client.takeSome();
      assert.throws(() => answers.admit(), isOverloaded);
    }
    assert.throws(() => send(65 * 1024), isOverloaded);
    assert.ok(send(64 * 1024).sent);
    assert.ok(clients.every(({ isCut }) => !isCut));
  });

  it('end with their connection when they are not taken and others need the room, the oldest first', async () => {
    const { answers, send, pass, weight } = prepare();
    const clients = Array.from({ length: 128 }, () => send(MIB));
    pass(1_000);
    assert.throws(() => answers.admit(), isOverloaded);
    pass(1_000);
    clients[0]!.takeSome();
    answers.admit();
    assert.deepEqual(
      clients.flatMap(({ isCut }, i) => (isCut ? i : [])),
      [1],
    );
    assert.equal(await weight(), 127 * MIB);
  });

  it('weigh once when many are sent the same', async () => {
    const { send, weight } = prepare();
    const body = [Buffer.alloc(MIB)];
    const clients = Array.from({ length: 1_000 }, () => send(body));
    assert.equal(await weight(), MIB);
    for (const client of clients.slice(1)) client.takeAll();
    assert.equal(await weight(), MIB);
    clients[0]!.takeAll();
    assert.equal(await weight(), 0);
  });
});

it('an answer in slices is the whole, with its length and all that was put on it', async () => {
  const slices = [Buffer.alloc(100_000, 'a'), Buffer.alloc(200_000, 'b'), Buffer.from('c')];
  const answers = createJsonAnswers({ clock: systemClock, metrics: createMetrics() });
  await using http = await startHttpApp(
    (app) => {
      app.get('/large', { config: { right: 'open' } }, (_request, reply) =>
        answers.send(reply.header('etag', '"one"'), slices),
      );
    },
    { CORS_ORIGINS: 'https://elsewhere.example' },
  );
  const headers = { origin: 'https://elsewhere.example' };
  const { status, body, headers: got } = await request(http.url, '/large', { headers });
  assert.equal(status, 200);
  assert.ok(body.equals(Buffer.concat(slices)));
  assert.equal(got['content-length'], '300001');
  assert.equal(got['content-type'], 'application/json');
  assert.equal(got.etag, '"one"');
  assert.ok(got['access-control-allow-origin']);
});

describe('the buffers of an answer', () => {
  const SIZE = 64 * 1024;
  const text = 'a'.repeat(SIZE);

  it('are kept up to 64 of them', () => {
    const pool = createSlicePool();
    const lend = () => Array.from({ length: 65 }, () => pool.sliceOf(text, SIZE));
    const slices = lend();
    pool.giveBack(slices);
    const memory = new Set(slices.map(({ buffer }) => buffer));
    assert.equal(lend().filter(({ buffer }) => memory.has(buffer)).length, 64);
  });

  async function start() {
    const answers = createJsonAnswers({ clock: systemClock, metrics: createMetrics() });
    const sent: (readonly Buffer[])[] = [];
    const http = await startHttpApp((app) => {
      app.get('/large', { config: { right: 'open' } }, (_request, reply) => {
        const body = Array.from({ length: 160 }, () => answers.pool.sliceOf(text, SIZE));
        sent.push(body);
        return answers.send(reply, body);
      });
    });
    return { http, answers, sent };
  }

  it('are used again once all of it has been taken', async () => {
    const { http, answers, sent } = await start();
    await using _ = http;
    const { body } = await request(http.url, '/large');
    assert.equal(body.length, 160 * SIZE);
    const memory = new Set(sent[0]!.map(({ buffer }) => buffer));
    const isThere = () => memory.has(answers.pool.sliceOf(text, SIZE).buffer);
    await waitFor(isThere, { what: 'a buffer of it' });
  });

  it('are never used again when its client has left in the middle of it', async () => {
    const { http, answers, sent } = await start();
    await using _ = http;
    const client = connect(http.port, '127.0.0.1');
    client.write('GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(client, 'readable');
    client.destroy();
    const connections = () => new Promise<number>((resolve) => http.app.server.getConnections((_e, n) => resolve(n)));
    await waitFor(async () => (await connections()) === 0, { what: 'its connection to be closed' });
    const memory = new Set(sent[0]!.map(({ buffer }) => buffer));
    for (let i = 0; i < 200; i++) assert.ok(!memory.has(answers.pool.sliceOf(text, SIZE).buffer));
  });
});
