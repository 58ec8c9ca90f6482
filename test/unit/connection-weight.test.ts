/** What one connection may hold: requests under way and waiting, and answers that nobody reads. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { startHttpApp } from '../support/http-app.ts';
import { waitFor } from '../support/wait.ts';

const MIB = 1024 * 1024;

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

/** Routes that count what runs at once. */
function bench() {
  const seen = { running: 0, most: 0, begun: 0, left: 0, letGo: () => {} };
  const isLet = new Promise<void>((resolve) => {
    seen.letGo = resolve;
  });
  const routes = (app: FastifyInstance) => {
    app.get('/slow', { config: { right: 'open' } }, async (request, reply) => {
      seen.begun++;
      seen.most = Math.max(seen.most, ++seen.running);
      reply.raw.once('close', () => seen.left++);
      await isLet;
      seen.running--;
      return request.query;
    });
    app.get('/quick', { config: { right: 'open' } }, () => {
      seen.begun++;
      return 'quick';
    });
    app.get('/large', { config: { right: 'open' } }, () => {
      seen.begun++;
      return Buffer.alloc(8 * MIB);
    });
    app.post('/held', { config: { right: 'open' } }, async () => {
      seen.begun++;
      await isLet;
      return 'held';
    });
    app.post('/change', { config: { right: 'open' }, bodyLimit: 4 * MIB }, (request) =>
      String((request.body as Buffer).length),
    );
  };
  return { seen, routes };
}

function open(port: number) {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const client = { socket, text: '', isEnded: false, isClosed: false };
  socket.on('data', (chunk: Buffer) => {
    client.text += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  socket.once('end', () => {
    client.isEnded = true;
  });
  socket.once('close', () => {
    client.isClosed = true;
  });
  return client;
}

describe('requests in a row on one connection', () => {
  it('run two at a time, are all answered in their order, and stop being read meanwhile', async () => {
    const { seen, routes } = bench();
    await using http = await startHttpApp(routes);
    let parsed = 0;
    http.app.server.on('request', () => parsed++);
    const client = open(http.port);
    const count = 3_000;
    client.socket.write(Array.from({ length: count }, (_, i) => get(`/slow?${i}=`)).join(''));
    await waitFor(() => seen.begun === 2, { what: 'two to be begun' });
    // A turn for others lets come what would come.
    assert.equal((await fetch(`${http.url}/quick`)).status, 200);
    assert.deepEqual([seen.begun - 1, seen.most], [2, 2]);
    assert.ok(parsed < 50, `${parsed} were parsed`);
    seen.letGo();
    await waitFor(() => client.text.includes(`{"${count - 1}":""}`), { what: 'the last answer', timeoutMs: 60_000 });
    assert.equal(seen.most, 2);
    const order = [...client.text.matchAll(/\{"(\d+)":""\}/g)].map(([, i]) => Number(i));
    assert.deepEqual(
      order,
      Array.from({ length: count }, (_, i) => i),
    );
    client.socket.destroy();
  });

  it('behind a change are begun after its answer: they may rely on it', async () => {
    const { seen, routes } = bench();
    await using http = await startHttpApp(routes);
    const client = open(http.port);
    client.socket.write(`POST /held HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n${get('/slow?behind=')}`);
    await waitFor(() => seen.begun > 0, { what: 'the change to be begun' });
    // Turns for others let come what would come.
    for (let i = 0; i < 3; i++) assert.equal((await fetch(`${http.url}/quick`)).status, 200);
    assert.equal(seen.begun - 3, 1);
    seen.letGo();
    await waitFor(() => client.text.includes('{"behind":""}'), { what: 'both answers' });
    client.socket.destroy();
  });

  it('are gone with their client, also those whose turn it is not', async () => {
    const { seen, routes } = bench();
    await using http = await startHttpApp(routes);
    const client = open(http.port);
    client.socket.write(get('/slow').repeat(100));
    await waitFor(() => seen.begun === 2, { what: 'two to be begun' });
    client.socket.resetAndDestroy();
    await waitFor(() => seen.left === 2, { what: 'both to learn that nobody waits' });
    seen.letGo();
    await waitFor(() => seen.running === 0, { what: 'both to end' });
    assert.equal((await fetch(`${http.url}/quick`)).status, 200);
    assert.equal(seen.begun, 3);
  });

  it('may have bodies, in whatever pieces, also behind one without its answer', async () => {
    const { seen, routes } = bench();
    await using http = await startHttpApp(routes);
    const client = open(http.port);
    const body = 'y'.repeat(3 * MIB);
    const post = `POST /change HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    client.socket.write(get('/slow?first=') + post + post + get('/quick') + post + get('/slow?last='));
    await waitFor(() => seen.begun === 1, { what: 'the first to be begun' });
    seen.letGo();
    await waitFor(() => client.text.includes('{"last":""}'), { what: 'the last answer', timeoutMs: 30_000 });
    assert.equal(client.text.match(/^3145728/gm)?.length, 3);
    assert.doesNotMatch(client.text, /HTTP\/1\.1 [45]/);
    client.socket.destroy();
  });

  it('are parsed a few at a time behind a large body as well', async () => {
    const { seen, routes } = bench();
    await using http = await startHttpApp(routes);
    let parsed = 0;
    http.app.server.on('request', () => parsed++);
    const client = open(http.port);
    const body = 'y'.repeat(100_000);
    const post = `POST /change HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    client.socket.write(post + get('/slow').repeat(3_000));
    await waitFor(() => seen.begun === 2, { what: 'two to be begun' });
    assert.ok(parsed < 50, `${parsed} were parsed`);
    seen.letGo();
    client.socket.destroy();
  });

  it('leave turns to others, however quickly each is answered', async () => {
    const { seen, routes } = bench();
    await using http = await startHttpApp(routes);
    const client = open(http.port);
    const count = 20_000;
    client.socket.write(get('/quick').repeat(count));
    await waitFor(() => seen.begun > 0, { what: 'the first to be begun', everyMs: 0 });
    const before = seen.begun;
    assert.equal((await fetch(`${http.url}/quick`)).status, 200);
    assert.ok(seen.begun < count, `${seen.begun - before} were run before another client was answered`);
    client.socket.destroy();
  });
});

describe('an answer that nobody reads', () => {
  it('has no other request run behind it while most of it is unsent', async () => {
    const { seen, routes } = bench();
    await using http = await startHttpApp(routes);
    let unsentBytes = () => 0;
    http.app.server.on('request', (_request, { socket }) => {
      unsentBytes = () => socket?.writableLength ?? 0;
    });
    const client = open(http.port);
    client.socket.pause();
    client.socket.write(get('/large'));
    await waitFor(() => unsentBytes() > MIB, { what: 'more of it than the kernel takes' });
    client.socket.write(get('/quick?behind='));
    // Turns for others let come what would come.
    for (let i = 0; i < 3; i++) assert.equal((await fetch(`${http.url}/quick`)).status, 200);
    assert.equal(seen.begun - 3, 1);
    client.socket.resume();
    await waitFor(() => client.text.endsWith('quick'), { what: 'the second answer', timeoutMs: 30_000 });
    client.socket.destroy();
  });

  it('has no other run behind it, and is closed after STREAM_STALL_MS', async () => {
    const { seen, routes } = bench();
    await using http = await startHttpApp(routes, { STREAM_STALL_MS: '300' });
    const client = open(http.port);
    client.socket.pause();
    client.socket.write(get('/large').repeat(50));
    try {
      const count = () =>
        new Promise<number>((resolve) => http.app.server.getConnections((_error, connections) => resolve(connections)));
      await waitFor(() => seen.begun > 0, { what: 'it to be begun' });
      await waitFor(async () => (await count()) === 0, { what: 'the connection to be closed', timeoutMs: 20_000 });
      assert.ok(seen.begun <= 2, `${seen.begun} were run`);
      // Node's own time-outs close it too, later and for half a request behind.
      const { values } = await http.metrics.connectionsCut.get();
      assert.equal(values.find(({ labels }) => labels.reason === 'unread')?.value, 1);
    } finally {
      client.socket.destroy();
    }
  });

  it('is not one that is read slowly', async () => {
    const { routes } = bench();
    await using http = await startHttpApp(routes, { STREAM_STALL_MS: '5000' });
    const client = open(http.port);
    const reading = setInterval(() => {
      if (client.socket.isPaused()) client.socket.resume();
      else client.socket.pause();
    }, 50);
    try {
      client.socket.write(get('/large') + get('/large') + get('/quick'));
      await waitFor(() => client.text.endsWith('quick'), { what: 'the last answer', timeoutMs: 60_000, everyMs: 50 });
    } finally {
      clearInterval(reading);
      client.socket.destroy();
    }
  });
});

describe('a client that has sent all and closed that direction', () => {
  it('gets its answers, and then the end', async () => {
    const { seen, routes } = bench();
    await using http = await startHttpApp(routes);
    for (const pieces of [[get('/slow?a=')], ['GET /slow?a= HTTP/1.1\r\n', 'Host: localhost\r\n\r\n']]) {
      const client = open(http.port);
      const { begun } = seen;
      for (const piece of pieces.slice(0, -1)) {
        const isWritten = new Promise((resolve) => client.socket.write(piece, resolve));
        await isWritten;
      }
      client.socket.end(pieces.at(-1)!);
      await waitFor(() => seen.begun > begun, { what: 'it to be begun' });
      setImmediate(seen.letGo);
      await waitFor(() => client.isEnded, { what: 'the end' });
      assert.match(client.text, /^HTTP\/1\.1 200 .*\{"a":""\}$/s);
    }
  });

  it('gets all of them, where many wait', async () => {
    const { seen, routes } = bench();
    await using http = await startHttpApp(routes);
    const client = open(http.port);
    client.socket.end(get('/slow?a=').repeat(3_000));
    await waitFor(() => seen.begun === 2, { what: 'two to be begun' });
    seen.letGo();
    await waitFor(() => client.isEnded, { what: 'the end' });
    assert.equal(client.text.match(/\{"a":""\}/g)?.length, 3_000);
  });

  it('is not waited for longer than a client that has left is worth', async () => {
    const { seen, routes } = bench();
    await using http = await startHttpApp(routes);
    const client = open(http.port);
    client.socket.end(get('/slow'));
    await waitFor(() => seen.left === 1, { what: 'the request to learn that nobody waits', timeoutMs: 20_000 });
    await waitFor(() => client.isEnded, { what: 'the end' });
    assert.equal(client.text, '');
    seen.letGo();
  });
});
