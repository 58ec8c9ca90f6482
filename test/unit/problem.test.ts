/** Problems: every error is one small JSON that says what would be right, and leaks nothing. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { EngineUnavailable, type ErrorCode, errorTable, Problem } from '../../src/errors.ts';
import { startHttpApp } from '../support/http-app.ts';

function routes(app: FastifyInstance): void {
  app.get<{ Params: { code: string } }>('/problem/:code', { config: { right: 'open' } }, (request) => {
    throw new Problem(request.params.code as ErrorCode, 'What would be right.', { 'x-more': 'yes' });
  });
  app.get('/away', { config: { right: 'open' } }, (_request, reply) => {
    reply.send(new EngineUnavailable('connect ECONNREFUSED redis://:hunter2@h'));
  });
  app.get('/broken', { config: { right: 'open' } }, async () => {
    throw new TypeError('secret of the inside');
  });
  app.get('/broken-oddly', { config: { right: 'open' } }, () => {
    throw Object.assign(new Error('secret of the inside'), { statusCode: 404, headers: { 'x-secret': '1' } });
  });
  app.post('/change', { config: { right: 'open' } }, (request) => String((request.body as Buffer).length));
}

interface ProblemJson {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
}

async function problemIn(answer: Response): Promise<ProblemJson> {
  assert.equal(answer.headers.get('content-type'), 'application/problem+json');
  const problem = (await answer.json()) as ProblemJson;
  assert.deepEqual(Object.keys(problem), ['type', 'title', 'status', 'code', 'detail']);
  assert.equal(problem.status, answer.status);
  return problem;
}

/** What a server says to these very bytes, until it closes. */
async function sendRaw(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('utf8').on('data', (text) => {
    answer += text;
  });
  socket.on('error', () => {});
  socket.write(bytes);
  await once(socket, 'close');
  return answer;
}

describe('a problem', () => {
  it('is answered with the status, title and sentence of the table', async () => {
    await using http = await startHttpApp(routes);
    for (const [code, row] of Object.entries(errorTable)) {
      const answer = await fetch(`${http.url}/problem/${code}`);
      const problem = await problemIn(answer);
      assert.equal(answer.status, row.status);
      assert.equal(answer.headers.get('x-more'), 'yes');
      assert.equal(answer.headers.get('cache-control'), 'no-store');
      assert.deepEqual(
        [problem.type, problem.title, problem.code, problem.detail],
        [`urn:smallchange:problem:${code}`, row.title, code, 'What would be right.'],
      );
      const retryAfter = answer.headers.get('retry-after');
      assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
      if (row.status === 503) assert.match(retryAfter!, /^[123]$/);
      else assert.equal(retryAfter, null);
    }
    assert.match(await http.metrics.registry.metrics(), /smallchange_problems_total{code="bad_seq"} 1/);
  });

  it('is 503 when the engine does not answer, and says nothing of its inside', async () => {
    await using http = await startHttpApp(routes);
    const answer = await fetch(`${http.url}/away`);
    assert.equal(answer.status, 503);
    const problem = await problemIn(answer);
    assert.equal(problem.code, 'engine_unavailable');
    assert.doesNotMatch(JSON.stringify(problem), /hunter2|ECONNREFUSED/);
  });

  it('is 500 for the unexpected, which is logged and not told', async () => {
    await using http = await startHttpApp(routes);
    for (const path of ['/broken', '/broken-oddly?ticket=hunter2']) {
      const answer = await fetch(http.url + path);
      assert.equal(answer.status, 500);
      assert.equal(answer.headers.get('x-secret'), null);
      assert.doesNotMatch(JSON.stringify(await problemIn(answer)), /secret/);
    }
    const errors = http.logged.filter(({ level }) => level === 'error');
    assert.equal(errors.length, 2);
    assert.match(JSON.stringify(errors[0]), /secret of the inside/);
    assert.doesNotMatch(JSON.stringify(errors), /hunter2/);
  });
});

describe('a path that cannot be decoded', () => {
  it('is a problem like any other', async () => {
    await using http = await startHttpApp(routes);
    for (const path of ['/problem/%zz', '/problem/%', '/problem/%ff', '/%c3%28']) {
      const answer = await fetch(http.url + path);
      assert.equal(answer.status, 400, path);
      assert.equal((await problemIn(answer)).code, 'bad_request');
    }
  });
});

describe('a body that is too large', () => {
  it('is 413, and what the client still writes does not cost it the answer', async () => {
    await using http = await startHttpApp(routes);
    for (const size of [1025, 300_000]) {
      for (let i = 0; i < 20; i++) {
        const answer = await fetch(`${http.url}/change`, { method: 'POST', body: Buffer.alloc(size) });
        assert.equal(answer.status, 413);
        assert.match((await problemIn(answer)).detail, /at most 1024 bytes/);
      }
    }
    assert.equal(
      await (await fetch(`${http.url}/change`, { method: 'POST', body: Buffer.alloc(1024) })).text(),
      '1024',
    );
  });

  it('is 413 without a declared length too', async () => {
    await using http = await startHttpApp(routes);
    const chunk = `5dc\r\n${'x'.repeat(1500)}\r\n`;
    const head = 'POST /change HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n';
    assert.match(await sendRaw(http.port, `${head}${chunk}0\r\n\r\n`), /^HTTP\/1\.1 413 .*"change_too_large"/s);
  });
});

describe('what is not a request', () => {
  it('is answered by hand, as a problem, and the connection ends', async () => {
    await using http = await startHttpApp(routes);
    const cases = [
      ['nonsense\r\n\r\n', 400],
      ['GET / HTTP/1.1\r\nHost: localhost\r\nBad Name: x\r\n\r\n', 400],
      ['GET * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', 400],
      ['CONNECT h:80 HTTP/1.1\r\nHost: localhost\r\n\r\n', 405],
      ['POST /change HTTP/1.1\r\nHost: localhost\r\nExpect: foo\r\nContent-Length: 1\r\n\r\n', 417],
      ['POST /change HTTP/1.1\r\nHost: localhost\r\nExpect: foo\r\nContent-Length: 1\r\n\r\nx', 417],
      ['POST /change HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n', 400],
      ['POST /change HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
      [`GET /${'a'.repeat(17_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, 431],
    ] as const;
    for (const [bytes, status] of cases) {
      const answer = await sendRaw(http.port, bytes);
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), bytes.slice(0, 40));
      const [head, body] = answer.split('\r\n\r\n') as [string, string];
      assert.match(head, /Content-Type: application\/problem\+json/i);
      assert.match(head, new RegExp(`Content-Length: ${Buffer.byteLength(body)}`, 'i'));
      assert.match(head, /X-Content-Type-Options: nosniff/i);
      assert.equal((JSON.parse(body) as ProblemJson).status, status);
      if (status === 431) assert.match(body, /16 KiB/);
    }
  });

  it('is answered in its own way where it is one after all', async () => {
    await using http = await startHttpApp(routes);
    assert.match(
      await sendRaw(http.port, 'OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'),
      /^HTTP\/1\.1 204 .*allow: [A-Z, ]*POST/is,
    );
    const expecting = 'POST /change HTTP/1.0\r\nHost: localhost\r\nExpect: foo\r\nContent-Length: 1\r\n\r\nx';
    assert.match(await sendRaw(http.port, expecting), /^HTTP\/1\.1 200 /);
  });

  it('without a Host is refused with a sentence, but HTTP/1.0 has none', async () => {
    await using http = await startHttpApp(routes, { HOST: '0.0.0.0', AUTH: 'anonymous' });
    const refused = await sendRaw(http.port, 'GET /away HTTP/1.1\r\nConnection: close\r\n\r\n');
    assert.match(refused, /^HTTP\/1\.1 400 .*Host header/s);
    assert.match(await sendRaw(http.port, 'GET /away HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 503 /);
  });

  it('and does not end the process or fill the log when it breaks off', async () => {
    await using http = await startHttpApp(routes);
    for (let i = 0; i < 20; i++) {
      const socket = connect(http.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write('POST /change HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nxx');
      await once(socket, 'connect');
      socket.resetAndDestroy();
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal((await fetch(`${http.url}/away`)).status, 503);
    assert.deepEqual(
      http.logged.filter(({ level }) => level === 'error'),
      [],
    );
  });
});
