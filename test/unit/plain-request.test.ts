/**
 * What is read as a plain request, Node's parser and the checks behind it read in the very same way; and what clients and
 * proxies send as a rule is one.
 */
import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { readPlainRequest } from '../../src/http/plain-request.ts';
import { corpus } from '../edge/corpus.ts';
import { type HttpApp, startHttpApp } from '../support/http-app.ts';

const MAX_BODY_BYTES = 1024;

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly authorization: string | undefined;
  readonly forwarded: string | undefined;
  readonly cookie: string | undefined;
  readonly site: string | undefined;
  readonly body: string;
}

function plainly(bytes: string): Seen | undefined {
  const chunk = Buffer.from(bytes, 'latin1');
  const request = readPlainRequest(chunk, MAX_BODY_BYTES);
  if (request === undefined) return undefined;
  const { hostStart, hostEnd, authorizationStart: start, authorizationEnd: end, body, ...others } = request;
  const { forwardedStart, forwardedEnd, cookieStart, cookieEnd, ...rest } = others;
  return {
    ...rest,
    host: chunk.toString('latin1', hostStart, hostEnd).trimEnd(),
    authorization: start === 0 ? undefined : chunk.toString('latin1', start, end),
    forwarded: forwardedStart === 0 ? undefined : chunk.toString('latin1', forwardedStart, forwardedEnd).trimEnd(),
    cookie: cookieStart === 0 ? undefined : chunk.toString('latin1', cookieStart, cookieEnd),
    body: body.toString('latin1'),
  };
}

const post = (fields: readonly string[], body = 'x', target = '/c/room') =>
  `POST ${target} HTTP/1.1\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n${body}`;

/** As they were sent, but for names and versions. */
const usual: Readonly<Record<string, string>> = {
  curl: post(
    [
      'Host: localhost:8080',
      'User-Agent: curl/7.88.1',
      'Accept: */*',
      'Content-Length: 1',
      'Content-Type: application/x-www-form-urlencoded',
    ],
    'x',
    '/c/room?from=alice.k3f9&seq=1',
  ),
  undici: post(['host: localhost:8080', 'connection: keep-alive', 'content-length: 1']),
  wrk: post(['Host: 127.0.0.1:8080', 'Content-Length: 1']),
  Chromium: post([
    'Host: localhost:8080',
    'Connection: keep-alive',
    'Content-Length: 1',
    'sec-ch-ua-platform: "Linux"',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
    'sec-ch-ua: "Chromium";v="142", "Not_A Brand";v="99"',
    'Content-Type: text/plain;charset=UTF-8',
    'Accept: */*',
    'Origin: http://localhost:3000',
    'Sec-Fetch-Mode: cors',
    'Referer: http://localhost:3000/',
    'Accept-Encoding: gzip, deflate, br, zstd',
    'Accept-Language: en-US,en;q=0.9',
    'Cookie: s=0123456789abcdef',
  ]),
  HAProxy: post([
    'host: example.org',
    'content-length: 1',
    'user-agent: curl/7.88.1',
    'x-forwarded-for: 127.0.0.1',
    'x-forwarded-proto: https',
  ]),
  nginx: post(['Host: example.org', 'X-Forwarded-For: 127.0.0.1', 'Content-Length: 1', 'accept: */*']),
  'with a token': post(['Host: x', 'Authorization: Bearer aaa.bbb.ccc', 'Content-Length: 1']),
  'a PUT': post(['Host: x', 'Content-Length: 3'], 'a\0\xff', '/c/a-b_c.d?from=a.b&seq=2').replace('POST', 'PUT'),
};

const sound = post(['Host: x', 'Content-Length: 1']);

/** Each is one step away from a sound one. */
const doubtful: Readonly<Record<string, string>> = {
  'HTTP/1.0': sound.replace('1.1', '1.0'),
  GET: sound.replace('POST', 'GET'),
  'an escaped path': sound.replace('room', 'r%6fom'),
  'an escaped query': sound.replace('room', 'room?from=%61.b'),
  'an absolute URI': sound.replace('/c/room', 'http://x/c/room'),
  'two blanks': sound.replace('POST ', 'POST  '),
  'CR LF in front': `\r\n${sound}`,
  'a bare LF': sound.replace('x\r\n', 'x\n'),
  'a bare CR': sound.replace('Host: x', 'Host: x\ry'),
  'a folded line': sound.replace('Host: x', 'Host: x\r\n y'),
  'NUL in a value': sound.replace('Host: x', 'Host: x\0'),
  '8-bit in a value': sound.replace('Host: x', 'Host: \xe9'),
  'a blank before the colon': sound.replace('Host:', 'Host :'),
  'a line without a colon': sound.replace('Host: x', 'Host: x\r\nfoo'),
  'an empty name': sound.replace('Host: x', 'Host: x\r\n: y'),
  'no Host': sound.replace('Host: x\r\n', ''),
  'two Hosts': sound.replace('Host: x', 'Host: x\r\nhOST: x'),
  'no length': sound.replace('Content-Length: 1\r\n', ''),
  'two lengths': sound.replace('Host: x', 'Content-Length: 1\r\nHost: x'),
  'a signed length': sound.replace(': 1', ': +1'),
  'a length with a zero in front': sound.replace(': 1', ': 01'),
  'a length and a blank': sound.replace(': 1', ': 1 '),
  'a length of 0': sound.replace(': 1', ': 0').slice(0, -1),
  'a length in hexadecimal': sound.replace(': 1', ': 0x1'),
  'a body that is too short': sound.slice(0, -1),
  'a body that is too long': `${sound}x`,
  'a body above the limit': post(['Host: x', 'Content-Length: 1025'], 'x'.repeat(1025)),
  'Transfer-Encoding': sound.replace('Host: x', 'Host: x\r\nTRANSFER-ENCODING: chunked'),
  'Content-Encoding': sound.replace('Host: x', 'Host: x\r\nContent-Encoding: gzip'),
  'Connection: close': sound.replace('Host: x', 'Host: x\r\nConnection: close'),
  Expect: sound.replace('Host: x', 'Host: x\r\nExpect: 100-continue'),
  Upgrade: sound.replace('Host: x', 'Host: x\r\nUpgrade: websocket'),
  'Change-From': sound.replace('Host: x', 'Host: x\r\nChange-From: a.b'),
  traceparent: sound.replace('Host: x', 'Host: x\r\ntraceparent: 00-1-2-3'),
  'two Authorizations': sound.replace('Host: x', 'Host: x\r\nAuthorization: Bearer a\r\nauthorization: Bearer a'),
  'an empty Authorization': sound.replace('Host: x', 'Host: x\r\nAuthorization:'),
  'an Authorization and a blank': sound.replace('Host: x', 'Host: x\r\nAuthorization: Bearer '),
  'two X-Forwarded-Fors': sound.replace('Host: x', 'Host: x\r\nX-Forwarded-For: a\r\nx-forwarded-for: b'),
  'two Cookies': sound.replace('Host: x', 'Host: x\r\nCookie: a=b\r\ncookie: c=d'),
  'an empty Cookie': sound.replace('Host: x', 'Host: x\r\nCookie:'),
  'two of Sec-Fetch-Site': sound.replace('Host: x', 'Host: x\r\nSec-Fetch-Site: none\r\nSec-Fetch-Site: none'),
  'two Origins': sound.replace('Host: x', 'Host: x\r\nOrigin: a\r\nOrigin: b'),
  'a head above 4 KiB': sound.replace('Host: x', `Host: x\r\nX: ${'y'.repeat(4096)}`),
  'a head that does not end': sound.slice(0, -3),
  nothing: '',
};

describe('a plain request', () => {
  it('is what clients and proxies send', () => {
    for (const [name, bytes] of Object.entries(usual)) assert.ok(plainly(bytes), name);
    assert.deepEqual(plainly(usual.Chromium!)!.origin, 'http://localhost:3000');
    assert.deepEqual(plainly(usual['with a token']!)!.authorization, 'Bearer aaa.bbb.ccc');
    assert.deepEqual(plainly(usual['a PUT']!), {
      method: 'PUT',
      path: '/c/a-b_c.d',
      query: 'from=a.b&seq=2',
      host: 'x',
      origin: undefined,
      authorization: undefined,
      forwarded: undefined,
      cookie: undefined,
      site: undefined,
      body: 'a\0\xff',
    });
  });

  it('has as many bytes as the limit says, and a head of 4 KiB', () => {
    assert.ok(plainly(post(['Host: x', 'Content-Length: 1024'], 'x'.repeat(1024))));
    const around = post(['Host: x', 'Content-Length: 1', 'X: ']).length + 'POST'.length;
    const head = (bytes: number) => plainly(post(['Host: x', 'Content-Length: 1', `X: ${'y'.repeat(bytes - around)}`]));
    assert.ok(head(4096));
    assert.equal(head(4200), undefined);
  });

  for (const [name, bytes] of Object.entries(doubtful)) {
    it(`is not: ${name}`, () => assert.equal(plainly(bytes), undefined));
  }

  it('is none of the attacks on servers in a row, with or without the request behind', () => {
    for (const { name, bytes, allowed } of corpus) {
      if (allowed?.node === undefined) assert.equal(plainly(bytes('room')), undefined, name);
    }
  });
});

describe('read by Node, a plain request', () => {
  let http: HttpApp;
  const seen: Seen[] = [];
  before(async () => {
    http = await startHttpApp(
      (app) => {
        app.route({
          method: ['POST', 'PUT'],
          url: '*',
          config: { right: 'open' },
          handler: ({ method, raw, headers, body }, reply) => {
            const [path = '', query = ''] = raw.url!.split(/\?(.*)/s);
            const { host, origin, authorization, cookie, 'sec-fetch-site': site } = headers;
            const forwarded = headers['x-forwarded-for'] as string | undefined;
            const told = { authorization, forwarded, cookie, site: site as string | undefined };
            seen.push({ method, path, query, host, origin, ...told, body: (body as Buffer).toString('latin1') });
            reply.code(204).send();
          },
        });
        // Every Host and every origin: what is made of them is another test's.
      },
      { HOST: '0.0.0.0', AUTH: 'anonymous', CORS_ORIGINS: '*' },
    );
  });
  after(() => http[Symbol.asyncDispose]());

  /** What the server makes of these bytes as the whole of a connection. */
  async function byNode(bytes: string): Promise<{ readonly seen: readonly Seen[]; readonly answer: string }> {
    seen.length = 0;
    let answer = '';
    const socket = new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        answer += chunk;
        done();
      },
    });
    // Of a connection's time-outs none comes in these few turns.
    http.app.server.emit('connection', Object.assign(socket, { setTimeout: () => socket }));
    socket.push(Buffer.from(bytes, 'latin1'));
    for (let i = 0; i < 6; i++) await turn();
    socket.destroy();
    return { seen: [...seen], answer };
  }

  it('is the same request', async () => {
    const field = fc.oneof(
      fc.constantFrom('Host: x', 'host:y', 'HOST: ', 'Content-Length: 1', 'content-length:3', 'Content-Length: 2'),
      fc.constantFrom('Origin: http://localhost', 'origin: null', 'Connection: keep-alive', 'connection: Keep-Alive'),
      fc.constantFrom('Authorization: Bearer a.b.c', 'AUTHORIZATION:\tx', 'authorization: ', 'Authorization: a  b'),
      fc.constantFrom('X-Forwarded-For: 1.2.3.4', 'x-forwarded-for:a , b\t', 'X-FORWARDED-FOR: '),
      fc.constantFrom('Cookie: a=b', 'COOKIE:__Host-sc=x; c', 'cookie: ', 'Sec-Fetch-Site: none', 'sec-fetch-site:x y'),
      fc.constantFrom('X-Y: z', 'a:', 'Accept: */*', 'Content-Type: text', 'A_b:\t c ', 'Content-Encoding: identity'),
      fc.constantFrom(
        'Connection: close',
        'Transfer-Encoding: chunked',
        'Upgrade: h2c',
        'Keep-Alive: 1',
        'TE: trailers',
      ),
      fc.stringMatching(/^[A-Za-z-]{1,18}:[ \t]?[ -~]{0,12}$/),
    );
    const target = fc.oneof(
      fc.constantFrom('/c/room', '/c/room?from=a.b&seq=1', '/c/', '/', '/c/a/b', '/c/a?', '/c/a?x=1&&', '//'),
      fc.stringMatching(/^\/[!-~]{0,12}$/),
    );
    const change = fc.option(fc.record({ at: fc.nat(200), byte: fc.integer({ min: 0, max: 255 }) }), {
      nil: undefined,
    });
    const body = fc.constantFrom('x', 'xy', 'xyz', '\0\xff\r', '\r\n\r');
    const fields = fc.array(field, { maxLength: 4 });
    let plain = 0;
    await fc.assert(
      fc.asyncProperty(target, fields, fields, body, change, async (target, before, behind, body, change) => {
        const framing = ['Host: x', `Content-Length: ${body.length}`];
        let bytes = post([...before, ...framing, ...behind], body, target);
        if (change !== undefined && change.at < bytes.length) {
          bytes = bytes.slice(0, change.at) + String.fromCharCode(change.byte) + bytes.slice(change.at + 1);
        }
        const request = plainly(bytes);
        if (request === undefined) return;
        plain++;
        const node = await byNode(bytes);
        assert.deepEqual(node.seen, [request], JSON.stringify(bytes));
        assert.match(node.answer, /^HTTP\/1\.1 204 /);
      }),
      { numRuns: 3_000 },
    );
    assert.ok(plain > 150, `only ${plain} of 3,000 were plain`);
  });
});
