/** Who waits with its body (`Expect: 100-continue`) is told to send it when the request is let in, and never when it is not. */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { it } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { Problem } from '../../src/errors.ts';
import { startHttpApp } from '../support/http-app.ts';
import { waitFor } from '../support/wait.ts';

const head = (path: string) =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n`;

const routes = (app: FastifyInstance) => {
  app.post('/in', { config: { right: 'open' } }, ({ body }) => body);
  app.post('/out', {
    config: { right: 'open' },
    onRequest: (_request, _reply, done) => done(new Problem('unauthenticated', 'Bring a token.')),
    handler: () => 'never',
  });
};

function told(port: number) {
  const socket: Socket = connect(port, '127.0.0.1');
  let text = '';
  socket.setEncoding('latin1').on('data', (some: string) => {
    text += some;
  });
  return {
    socket,
    text: () => text,
    until: (what: RegExp) => waitFor(() => what.test(text), { what: () => `${what} in ${text}` }),
  };
}

it('who is let in is told to go on, and is answered', async () => {
  await using http = await startHttpApp(routes);
  const { socket, text, until } = told(http.port);
  socket.write(head('/in'));
  await until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
  socket.write('abc');
  await until(/abc$/);
  assert.match(text(), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
  socket.write('POST /in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nmore');
  await until(/more$/);
  socket.destroy();
});

for (const [path, status] of [
  ['/out', 401],
  ['/in', 417],
] as const) {
  it(`who is answered ${status} is not told to go on, and the connection ends`, async () => {
    await using http = await startHttpApp(routes);
    const { socket, text } = told(http.port);
    socket.write(status === 417 ? head(path).replace('100-continue', 'a miracle') : head(path));
    await waitFor(() => socket.closed, { what: () => `the end of ${text()}` });
    assert.match(text(), new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.match(text(), /\r\nconnection: close\r\n/i);
  });
}

it('who is behind another request on its connection is told in its turn', async () => {
  await using http = await startHttpApp(routes);
  const { socket, text, until } = told(http.port);
  socket.write(`POST /in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nfirst${head('/in')}`);
  await until(/100 Continue\r\n\r\n$/);
  assert.match(text(), /^HTTP\/1\.1 200 OK\r\n.*first.*HTTP\/1\.1 100 Continue\r\n\r\n$/s);
  socket.end('abc');
  await until(/abc$/);
});
