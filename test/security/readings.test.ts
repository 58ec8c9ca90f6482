/**
 * One reading of a request for who checks it and who serves it: paths written in every other way, credentials of several principals on one
 * connection, and what was given to somebody else. Each is what its plain form gives that principal, or 400 or 404.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { ask } from '../support/ask.ts';
import { bearer, SECRET } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';

const HOST = 'Host: 127.0.0.1\r\n';
const may = `Authorization: ${bearer({ publish: ['a.1'], subscribe: ['a.1'] })}\r\n`;
const may2 = `Authorization: ${bearer({ publish: ['b.1'], subscribe: ['b.1'] }, { sub: 'bob' })}\r\n`;
const all = `Authorization: ${bearer({ publish: ['*'], subscribe: ['*'] })}\r\n`;

const post = (path: string, field: string, body = 'x') =>
  `POST ${path} HTTP/1.1\r\n${HOST}${field}Content-Length: ${body.length}\r\n\r\n${body}`;
const get = (path: string, field: string, method = 'GET') => `${method} ${path} HTTP/1.1\r\n${HOST}${field}\r\n`;

/** Everything that a connection says, until it has said so many answers. */
async function answersTo(port: number, bytes: string, count: number): Promise<string[]> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk;
  });
  socket.on('error', () => undefined);
  socket.write(bytes);
  const statuses = () => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status!);
  await waitFor(() => statuses().length >= count, { what: () => `${count} answers: ${text}` });
  socket.destroy();
  return statuses();
}

describe('readings', { concurrency: 8 }, () => {
  let server: LocalApp;
  const cursors = new Map<string, string>();
  let accepted = 0;

  const eventsOf = async (channel: string) => {
    const headers = { authorization: all.slice(15, -2) };
    const page = await fetch(`${server.url}/c/${channel}/history`, { headers });
    return (await page.json()) as { cursor: string; events: { data: string }[] };
  };

  before(async () => {
    server = await startLocalApp({ AUTH: 'jwt', JWT_SECRET: SECRET });
    for (const channel of ['a.1', 'b.1', 'events', 'constructor']) {
      assert.match(await ask(server.port, [post(`/c/${channel}`, all, `secret of ${channel}`)]), /^HTTP\/1\.1 204 /);
      await waitFor(async () => (await eventsOf(channel)).events.length === 1, { what: `an event of ${channel}` });
      cursors.set(channel, (await eventsOf(channel)).cursor);
    }
  });
  after(async () => {
    await waitFor(async () => (await eventsOf('a.1')).events.length >= accepted + 1, { what: `${accepted} changes` });
    const ofB = (await eventsOf('b.1')).events;
    await server[Symbol.asyncDispose]();
    assert.deepEqual(
      ofB.map(({ data }) => data),
      ['secret of b.1', 'bob'],
    );
  });

  // What it is plainly: of a.1, which is granted; of b.1, which is not; or nothing at all.
  for (const [path, sent, read] of [
    ['a.1', 204, 200],
    ['%61.1', 204, 200],
    ['a%2E1', 204, 200],
    ['b.1', 403, 403],
    ['%62.1', 403, 403],
    ['b%2e1', 403, 403],
    ['a.1%2Cb.1', 400, 403],
    ['b.1%2Ca.1', 400, 403],
    ['a.1,b.1', 400, 403],
    ['A.1', 403, 403],
    ['a.1.', 403, 403],
    ['a.10', 403, 403],
    ['a.1%00', 400, 400],
    ['a.1%0d', 400, 400],
    ['a.1%20', 400, 400],
    ['a.1;v=1', 400, 400],
    ['a.1%3Fx', 400, 400],
    ['a.*', 400, 400],
    ['*', 400, 400],
    ['x'.repeat(64), 403, 403],
    ['x'.repeat(65), 400, 400],
    ['events', 403, 403],
    ['constructor', 403, 403],
    ['__proto__', 400, 400],
    ['e:room', 400, 400],
    ['{7}', 400, 400],
    ['wake', 403, 403],
    ['/a.1', 404, 404],
    ['./a.1', 404, 404],
    ['x/../a.1', 404, 404],
  ] as const) {
    it(`/c/${path}`, async () => {
      for (const parts of [
        [post(`/c/${path}`, may)],
        [`POST /c/${path} HTTP/1.1\r\n${HOST}`, `${may}Content-Length: 1\r\n\r\nx`],
      ]) {
        const answer = await ask(server.port, parts);
        assert.match(answer, new RegExp(`^HTTP/1\\.1 ${sent} `), answer);
        if (sent === 204) accepted++;
      }
      const reads = path.includes(',') || path.includes('%2C') ? ['events'] : ['events', 'state', 'history'];
      for (const door of reads) {
        const answer = await ask(server.port, [get(`/c/${path}/${door}`, may)]);
        assert.match(answer, new RegExp(`^HTTP/1\\.1 ${read} `), `${door}: ${answer}`);
        if (read !== 200) assert.doesNotMatch(answer, /secret/);
      }
    });
  }

  for (const [what, bytes, status] of [
    ['HEAD', get('/c/b.1/state', may, 'HEAD'), 405],
    ['OPTIONS without a preflight', get('/c/b.1', may, 'OPTIONS'), 204],
    ['a slash at the end', get('/c/a.1/events/', may), 404],
    ['a slash too many', get('/c/a.1//events', may), 404],
    ['a parameter in the path', get('/c/a.1/events;x', may), 404],
    ['another case', get('/C/a.1/events', may), 404],
    ['an absolute target of another host', get('http://evil.example/c/a.1/state', may), 403],
    ['an absolute target of ours', get('http://127.0.0.1/c/b.1/state', may), 403],
    [
      'a trace that names a channel',
      post('/c/b.1', `${may}traceparent: 00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-01\r\n`),
      403,
    ],
    [
      'fields that name another',
      get('/c/b.1/state', `${may}X-Original-URL: /c/a.1/state\r\nX-Forwarded-Uri: /c/a.1\r\n`),
      403,
    ],
    ['the metrics', get('/metrics', `${all}X-Forwarded-For: 1.2.3.4\r\n`), 404],
    ['an admin path', get('/admin/revoke', all), 404],
  ] as const) {
    it(what, async () => {
      // An answer to HEAD and to OPTIONS has no body.
      const [first] = await answersTo(server.port, bytes, 1);
      assert.equal(first, String(status));
    });
  }

  it('a request behind another on its connection has its own credentials, or none', async () => {
    const orders = [
      [post('/c/a.1', may), post('/c/b.1', ''), post('/c/b.1', may), post('/c/b.1', may2, 'bob')],
      [get('/c/a.1/state', may), get('/c/a.1/state', ''), get('/c/a.1/state', may2), get('/c/b.1/state', may2)],
    ];
    assert.deepEqual(await answersTo(server.port, orders[0]!.join(''), 4), ['204', '401', '403', '204']);
    accepted++;
    assert.deepEqual(await answersTo(server.port, orders[1]!.join(''), 4), ['200', '401', '403', '200']);
  });

  it('answers on one connection are each its own asker’s', async () => {
    const askers = Array.from({ length: 200 }, (_, i) => ({
      channel: `own.${i}`,
      field: `Authorization: ${bearer({ subscribe: [`own.${i}`] }, { sub: `u${i}` })}\r\n`,
    }));
    const socket = connect(server.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk;
    });
    for (const [i, { channel, field }] of askers.entries()) {
      const asked = i % 3 === 0 ? askers[(i + 1) % askers.length]!.channel : channel;
      text = '';
      socket.write(get(`/c/${asked}/state`, field));
      await waitFor(() => /\r\n\r\n.*\n?$/s.test(text) && text.includes('}'), {
        what: () => `an answer for ${channel}: ${text}`,
      });
      assert.match(text, i % 3 === 0 ? /^HTTP\/1\.1 403 / : /^HTTP\/1\.1 200 /);
    }
    socket.destroy();
  });

  it('a cursor of another’s channel shows nothing of it', async () => {
    const foreign = cursors.get('b.1')!;
    for (const path of [
      `/c/a.1/events?since=${foreign}`,
      `/c/a.1/events?lastEventId=${foreign}`,
      `/c/a.1/events?format=json&since=${foreign}`,
      `/c/a.1/history?since=${foreign}`,
      `/c/a.1/state?since=${foreign}`,
    ]) {
      const answer = await ask(server.port, [get(path, may)]);
      assert.match(answer, /^HTTP\/1\.1 200 /);
      assert.doesNotMatch(answer, /secret of b/);
      if (path.includes('events')) assert.match(answer, /"status":"reset"/);
    }
  });

  it('what is not granted looks the same whether it is there or not', async () => {
    const told = async (channel: string) =>
      (await ask(server.port, [get(`/c/${channel}/state`, may)])).replace(/^date: .*$/im, '');
    assert.equal(await told('b.1'), await told('zz'));
  });
});
