/**
 * What somebody tries who wants in and has read the source: credentials in odd places, two answers to one question, names that every object
 * has, what belongs to one door at another. Each is refused, or is what its plain form is; nothing is told, and nothing is appended but what
 * is granted. Through both edges: `test/edge/tricks.test.ts`.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { ask } from '../support/ask.ts';
import { type SignedIn, signIn } from '../support/sessions.ts';
import { bearer, SECRET, token } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';

const HOST = 'Host: 127.0.0.1\r\n';
const OWN = 'Sec-Fetch-Site: same-origin\r\n';
const grant = { publish: ['a.1'], subscribe: ['a.1'] };
const alice = bearer(grant);
const everything = `Authorization: ${bearer({ publish: ['*'], subscribe: ['*'] }, { sub: 'root' })}\r\n`;
const auth = (value: string) => `Authorization: ${value}\r\n`;
const SAID = 'secret of b';

interface Sent {
  readonly what: string;
  readonly fields?: string;
  readonly path?: string;
  readonly status: number;
}

describe('a trick', { concurrency: 8 }, () => {
  let server: LocalApp;
  let session: SignedIn;
  let ticket: string;
  let accepted = 0;

  const eventsOf = async (channel: string) => {
    const [, value] = everything.trim().split(': ');
    const page = await fetch(`${server.url}/c/${channel}/history?limit=500`, { headers: { authorization: value! } });
    return (await page.json()) as { cursor: string; events: { data: string }[] };
  };

  before(async () => {
    server = await startLocalApp({ AUTH: 'jwt', JWT_SECRET: SECRET, MAX_FAILED_CREDENTIALS_PER_MIN: '0' });
    const said = `POST /c/b.1 HTTP/1.1\r\n${HOST}${everything}Content-Length: ${SAID.length}\r\n\r\n${SAID}`;
    assert.match(await ask(server.port, [said]), /^HTTP\/1\.1 204 /);
    await waitFor(async () => (await eventsOf('b.1')).events.length === 1, { what: 'what is secret' });
    session = await signIn(server.url, grant);
    const issued = await fetch(`${server.url}/tickets?channels=a.1`, { method: 'POST', headers: session.headers });
    ticket = ((await issued.json()) as { ticket: string }).ticket;
  });
  after(async () => {
    await waitFor(async () => (await eventsOf('a.1')).events.length >= accepted, { what: `${accepted} changes` });
    const [mine, others] = [(await eventsOf('a.1')).events.length, (await eventsOf('b.1')).events.length];
    const said = JSON.stringify(server.logged);
    await server[Symbol.asyncDispose]();
    assert.deepEqual([mine, others], [accepted, 1], 'what was granted is there, and nothing else');
    assert.doesNotMatch(said, new RegExp(`eyJ|${SAID}|"level":"(error|fatal)"`));
    assert.ok(!said.includes(ticket) && !said.includes(session.cookie.slice(-22)), 'no secret is in the log');
  });

  const latin1 = (parts: readonly string[]) => parts.map((part) => Buffer.from(part, 'latin1'));

  /** In one segment, which the shortcut answers, and in two, which Node reads. */
  async function send({ what, fields = '', path = '/c/a.1', status }: Sent, body = 'x'): Promise<void> {
    const [head, rest] = [`POST ${path} HTTP/1.1\r\n${HOST}${fields}`, `Content-Length: ${body.length}\r\n\r\n${body}`];
    for (const parts of [[head + rest], [head, rest]]) {
      const answer = await ask(server.port, latin1(parts));
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), `${what} in ${parts.length}: ${answer}`);
      if (status === 204) accepted++;
    }
  }

  async function read(path: string, fields: string, method = 'GET'): Promise<string> {
    const answer = await ask(
      server.port,
      latin1([`${method} ${path} HTTP/1.1\r\n${HOST}${fields}Connection: close\r\n\r\n`]),
    );
    assert.doesNotMatch(answer, new RegExp(SAID));
    return answer.slice(9, 12);
  }

  it('with the name of the cookie is no cookie of ours: a browser would let other hosts of the site set it', async () => {
    const id = session.cookie;
    for (const cookie of [
      `\xa0${id}`,
      `\xc2\xa0${id}`,
      `\xe2\x80\x80${id}`,
      `\x0b${id}`,
      `\x0c${id}`,
      `x=1;\xa0${id}`,
      id.replace('=', '\xa0='),
      id.replace('__Host', '__host'),
      id.replace('__Host-', '__Secure-'),
      `"${id}"`,
      `=${id}`,
      `$Version=1, ${id}`,
      `x="; ${id}"`,
      `x=1,${id}`,
    ]) {
      const fields = `Cookie: ${cookie}\r\n${OWN}`;
      const isBroken = /[\v\f]/.test(cookie);
      await send({ what: JSON.stringify(cookie), fields, status: isBroken ? 400 : 401 });
      assert.equal(await read('/c/a.1/state', fields), isBroken ? '400' : '401', JSON.stringify(cookie));
    }
    for (const cookie of [`x=1;\t${id} `, `${id} ; x="a`, `a=b;;${id}`]) {
      await send({ what: cookie, fields: `Cookie: ${cookie}\r\n${OWN}`, status: 204 });
    }
  });

  it('with a value of the cookie that is nearly one is none', async () => {
    const id = session.cookie;
    for (const cookie of [
      `${id}\xa0`,
      id.replace('=', '="').concat('"'),
      id.replace('=', '=='),
      `${id},${id}`,
      `${id}%00`,
      encodeURIComponent(id).replace('%3D', '=').concat('%20'),
      `__Host-sc=; ${id}`,
      `${id}; __Host-sc`,
      `${id}; __Host-sc=`,
    ]) {
      const isOne = cookie.endsWith('; __Host-sc');
      await send({ what: cookie, fields: `Cookie: ${cookie}\r\n${OWN}`, status: isOne ? 204 : 401 });
    }
    await send({ what: 'two fields', fields: `Cookie: ${id}\r\nCookie: ${id}\r\n${OWN}`, status: 401 });
    await send({ what: 'and another', fields: `Cookie: x=1\r\nCookie: ${id}\r\n${OWN}`, status: 204 });
  });

  it('with a header that is read in two ways is refused, or is none', async () => {
    const good = auth(alice);
    for (const [what, fields, status] of [
      ['a blank before the colon', good.replace(':', ' :'), 400],
      ['a fold', `Authorization: Bearer\r\n ${alice.slice(7)}\r\n`, 400],
      ['a fold before it', `X: y\r\n ${good}`, 400],
      ['a line feed alone', `X: y\n${good}`, 400],
      ['a carriage return alone', `X: y\r${good}`, 400],
      ['an underscore', good.replace('Authorization', 'Author_ization'), 401],
      ['for a proxy', good.replace('Authorization', 'Proxy-Authorization'), 401],
      ['forwarded', good.replace('Authorization', 'X-Forwarded-Authorization'), 401],
      ['an empty one before it', `Authorization:\r\n${good}`, 400],
      ['an empty one after it', `${good}Authorization:\r\n`, 400],
      ['two cases', `${good}AUTHORIZATION: Bearer x\r\n`, 400],
      ['a TAB for the blank', auth(alice.replace(' ', '\t')), 401],
      ['no-break', auth(alice.replace(' ', '\xa0')), 401],
      ['no-break behind it', auth(`${alice}\xa0`), 401],
      ['quoted', auth(`Bearer "${alice.slice(7)}"`), 401],
      ['a parameter', auth(`Bearer realm=x, ${alice.slice(7)}`), 401],
      ['token68 of Basic', auth(`Basic ${Buffer.from(`x:${alice.slice(7)}`).toString('base64')}`), 401],
      ['another scheme', auth(alice.replace('Bearer', 'DPoP')), 401],
      ['hop by hop', `${good}Connection: authorization\r\n`, 204],
      ['blanks around it', `Authorization:  \t${alice} \t\r\n`, 204],
    ] as const) {
      await send({ what, fields, status });
    }
  });

  it('in a trailer says nobody', async () => {
    const body = `1\r\nx\r\n0\r\n${auth(alice)}\r\n`;
    const answer = await ask(server.port, [
      `POST /c/a.1 HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n${body}`,
    ]);
    assert.match(answer, /^HTTP\/1\.1 401 /);
  });

  it('with two publishers is the change of the one that was checked', async () => {
    const seen = `Change-From: bob.n1\r\nChange-Seq: 7\r\n${auth(alice)}`;
    for (const [what, path, fields, status] of [
      ['his in the query', '/c/a.1?from=bob.n1&seq=7', `Change-From: alice.n1\r\n${auth(alice)}`, 403],
      ['his twice', '/c/a.1?from=alice.n1&from=bob.n1&seq=7', auth(alice), 400],
      ['escaped', '/c/a.1?%66rom=bob.n1&seq=7', auth(alice), 403],
      ['both, one escaped', '/c/a.1?from=alice.n1&%66rom=bob.n1&seq=7', auth(alice), 400],
      ['in the header', '/c/a.1', seen, 403],
      ['twice in the header', '/c/a.1', `Change-From: alice.n1\r\n${seen}`, 400],
      ['with a blank', '/c/a.1?from=bob.n1%20&seq=7', auth(alice), 400],
      ['with two dots', '/c/a.1?from=alice.bob.n1&seq=7', auth(alice), 400],
      ['in capitals', '/c/a.1?FROM=bob.n1&seq=7', auth(alice), 400],
      ['as a list', '/c/a.1?from[]=bob.n1&seq=7', auth(alice), 400],
      ['by a fragment', '/c/a.1#?from=bob.n1', auth(alice), 400],
      ['with semicolons', '/c/a.1?from=alice.n1;from=bob.n1', auth(alice), 400],
      ['as a name that all objects have', '/c/a.1?from=__proto__.n1&seq=7', auth(alice), 403],
      ['as another', '/c/a.1?from=constructor.n1&seq=7', auth(alice), 403],
    ] as const) {
      await send({ what, path, fields, status });
    }
    const { events } = await eventsOf('a.1');
    assert.doesNotMatch(JSON.stringify(events), /bob|__proto__|constructor/);
  });

  it('with a batch is the same for all of its changes, and for who sends them', async () => {
    for (const [path, status] of [
      ['/c/b.1?from=alice.n2&seq=1&batch=1', 403],
      ['/c/a.1?from=bob.n2&seq=1&batch=1', 403],
      ['/c/a.1?from=alice.n2&from=bob.n2&seq=1&batch=1', 400],
      ['/c/a.1,b.1?from=alice.n2&seq=1&batch=1', 400],
    ] as const) {
      await send({ what: path, path, fields: auth(alice), status }, '"x"\n"y"\n');
    }
  });

  it('with a ticket in an odd place opens nothing', async () => {
    const form = `ticket=${ticket}`;
    for (const [path, status] of [
      [`/c/a.1/events?format=json&${form}`, '401'],
      [`/c/a.1/events?format=json&wait=1&${form}`, '401'],
      [`/c/a.1/events?TICKET=${ticket}`, '401'],
      [`/c/a.1/events?ticket[]=${ticket}`, '401'],
      [`/c/a.1/events?ticket=${ticket}%00`, '401'],
      [`/c/a.1/events?ticket=%20${ticket}`, '401'],
      [`/c/a.1/events?x#${form}`, '401'],
      [`/c/a.1/events;${form}`, '404'],
      [`/c/a.1/events/${ticket}`, '404'],
      [`/c/b.1/events?${form}`, '401'],
      [`/c/a.1,b.1/events?${form}`, '401'],
      [`/c/a.1/history?${form}`, '401'],
      [`/c/a.1/state?${form}`, '401'],
      [`/c/a.1/events?ticket=${session.cookie.slice(-22)}`, '401'],
      ['/c/a.1/events?ticket=__proto__', '401'],
      [`/c/a.1/events?ticket=${'__proto__'.padEnd(22, '_')}`, '401'],
    ] as const) {
      assert.equal(await read(path, ''), status, path);
    }
    for (const fields of [
      `Cookie: __Host-sc=${ticket}\r\n${OWN}`,
      `Cookie: ticket=${ticket}\r\n${OWN}`,
      `Ticket: ${ticket}\r\n`,
      auth(`Ticket ${ticket}`),
      auth(`Bearer ${ticket}`),
      auth(`Bearer ${session.cookie.slice(-22)}`),
      `Referer: http://127.0.0.1/c/a.1/events?${form}\r\n`,
    ]) {
      assert.equal(await read('/c/a.1/events', fields), '401', fields);
      await send({ what: fields, fields, status: 401 });
    }
    await send({ what: 'in a body', status: 401, fields: 'Content-Type: application/x-www-form-urlencoded\r\n' }, form);
  });

  it('with a ticket of somebody else beside one’s own token is that of the token', async () => {
    const bob = auth(bearer({ subscribe: ['b.2'] }, { sub: 'bob' }));
    assert.equal(await read(`/c/a.1/events?ticket=${ticket}`, bob), '403');
    const asked = await ask(server.port, [
      `POST /tickets?channels=b.1 HTTP/1.1\r\n${HOST}Cookie: ${session.cookie}\r\n${OWN}Content-Length: 0\r\n\r\n`,
    ]);
    assert.match(asked, /^HTTP\/1\.1 403 /);
  });

  it('with a method that is not meant tells nothing', async () => {
    const other = auth(alice);
    for (const [method, path, fields, statuses] of [
      ['HEAD', '/c/b.1/events', other, /^40[35]/],
      ['HEAD', '/c/b.1/history', '', /^40[135]/],
      ['OPTIONS', '/c/b.1/events', other, /^204/],
      ['OPTIONS', '*', other, /^(204|404)/],
      ['TRACE', '/c/a.1', other, /^40[05]/],
      ['DELETE', '/c/a.1', other, /^405/],
      ['PATCH', '/c/a.1', other, /^405/],
      ['QUERY', '/c/b.1/state', other, /^405/],
      ['GET', '/c/b.1', other, /^405/],
      ['PUT', '/session', other, /^405/],
      ['GET', '/session', other, /^405/],
      ['GET', '/tickets?channels=b.1', other, /^405/],
    ] as const) {
      for (const override of ['', 'X-HTTP-Method-Override: GET\r\n', 'X-HTTP-Method: POST\r\n']) {
        // An answer to HEAD has no body to wait for.
        const answer = await ask(server.port, [
          `${method} ${path} HTTP/1.1\r\n${HOST}${fields}${override}Connection: close\r\n\r\n`,
        ]);
        assert.match(answer.slice(9), statuses, `${method} ${path}: ${answer}`);
        assert.doesNotMatch(answer, new RegExp(SAID));
      }
    }
  });

  it('with a target that is read in two ways is one, for who checks and who serves', async () => {
    for (const [target, status] of [
      ['http://127.0.0.1/c/b.1/state', '403'],
      ['HTTP://127.0.0.1/c/b.1/state', '403'],
      ['http://127.0.0.1/c/a.1/state', '200'],
      ['http://evil.example/c/a.1/state', '403'],
      ['http://127.0.0.1@evil.example/c/a.1/state', '403'],
      ['http://evil.example#@127.0.0.1/c/a.1/state', '4'],
      ['http://evil.example\\@127.0.0.1/c/a.1/state', '4'],
      ['http:///c/a.1/state', '4'],
      ['//127.0.0.1/c/a.1/state', '404'],
      ['/\\127.0.0.1/c/a.1/state', '404'],
      ['/c/a.1/../b.1/state', '404'],
      ['/c/a.1%2f..%2fb.1/state', '4'],
      ['/c/a.1%252e/state', '400'],
      ['/c/%2562.1/state', '400'],
      ['/c/a.1%2C/state', '4'],
      ['/c/b.1%EF%BC%8E/state', '400'],
      ['/c/a.1/state?/c/b.1/state', '200'],
      ['/c/b.1/state?x=/c/a.1/state', '403'],
      ['/c/a.1/state/%2e%2e/%2e%2e/b.1/state', '404'],
      ['/c/__proto__/state', '400'],
      ['/c/constructor/state', '403'],
      ['/c/hasOwnProperty/state', '403'],
      ['/c/toString/history', '403'],
      ['/c/a.1,constructor/events', '403'],
      ['/c/a.1,__proto__/events', '400'],
      ['/c/b.1/state?__proto__=a.1&constructor=a.1', '403'],
    ] as const) {
      const answered = await read(target, auth(alice));
      assert.ok(answered.startsWith(status), `${target}: ${answered}`);
    }
  });

  it('with the cursors of channels that one may not read shows nothing of them', async () => {
    const [mine, others] = [(await eventsOf('a.1')).cursor, (await eventsOf('b.1')).cursor];
    const stale = others.replace(/\.\w+$/, '.0');
    for (const since of [
      others,
      stale,
      `${mine}~${others}`,
      `${others}~${mine}`,
      `${stale}~${stale}`,
      `${stale}~earliest`,
    ]) {
      for (const query of [
        `since=${since}`,
        `lastEventId=${since}`,
        `format=json&since=${since}`,
        `snapshot=1&since=${since}`,
      ]) {
        const status = await read(`/c/a.1/events?${query}`, auth(alice));
        assert.equal(status, '200', query);
        assert.equal(await read(`/c/a.1,b.1/events?${query}`, auth(alice)), '403', query);
      }
      assert.equal(await read('/c/a.1/events', `${auth(alice)}Last-Event-ID: ${since}\r\n`), '200');
      assert.equal(await read('/c/b.1/events', `${auth(alice)}Last-Event-ID: ${since}\r\n`), '403');
    }
  });

  it('with a Host in another form is the same Host, or a stranger', async () => {
    const own = auth(alice);
    for (const [host, status] of [
      ['[::1]', 200],
      ['[0:0:0:0:0:0:0:1]', 403],
      ['[::ffff:127.0.0.1]', 403],
      ['[::1%25lo]', 403],
      ['127.0.0.1.', 403],
      ['localhost.', 403],
      ['0x7f000001', 403],
      ['017700000001', 403],
      ['127.0.0.1, evil.example', 403],
      ['127.0.0.1\\evil.example', 403],
      ['127.0.0.1/evil', 403],
      ['127.0.0.1:80#', 403],
      ['127.0.0.1\xa0', 403],
    ] as const) {
      const answer = await ask(
        server.port,
        latin1([`GET /c/a.1/state HTTP/1.1\r\nHost: ${host}\r\n${own}Connection: close\r\n\r\n`]),
      );
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), `${host}: ${answer}`);
      const forwarded = await read('/c/a.1/state', `${own}X-Forwarded-Host: ${host}\r\nForwarded: host=evil\r\n`);
      assert.equal(forwarded, '200', 'only the Host says who we are called');
    }
  });

  it('with bad credentials at what is open is open, and tells nobody’s', async () => {
    for (const path of ['/', '/healthz', '/openapi.json', '/client.js']) {
      const plain = await read(path, '');
      for (const fields of [
        auth('Bearer nonsense'),
        `${auth('Basic x')}${auth('Basic y')}`,
        `Cookie: __Host-sc=x\r\nSec-Fetch-Site: cross-site\r\n`,
        `Cookie: ${session.cookie}\r\nSec-Fetch-Site: cross-site\r\nOrigin: https://evil.example\r\n`,
      ]) {
        const answer = await ask(server.port, [`GET ${path} HTTP/1.1\r\n${HOST}${fields}Connection: close\r\n\r\n`]);
        assert.equal(answer.slice(9, 12), plain, `${path} ${fields}`);
        assert.ok(!answer.includes(session.cookie.slice(-22)), path);
        assert.doesNotMatch(answer, /^(set-cookie|access-control-allow-credentials)/im);
      }
    }
    for (const path of [
      '/metrics',
      '/load',
      '/admin',
      '/admin/revoke',
      '/dashboard',
      '/c',
      '/constructor',
      '/__proto__',
    ]) {
      assert.equal(await read(path, `${everything}X-Forwarded-For: 192.0.2.1\r\n`), '404', path);
    }
  });

  it('with a sub or a name that every object has is nobody else', async () => {
    for (const sub of ['__proto__', 'constructor', 'hasOwnProperty', 'null', 'undefined', 'root', '*']) {
      const own = await signIn(server.url, { subscribe: ['a.1'], name: '__proto__' }, { sub });
      const fields = `Cookie: ${own.cookie}\r\n${OWN}`;
      assert.equal(await read('/c/a.1/state', fields), '200', sub);
      assert.equal(await read('/c/b.1/state', fields), '403', sub);
      await send({ what: sub, fields, status: 403 });
    }
    const wrong = token(JSON.stringify({ __proto__: null, sub: 'x', exp: 1 }).replace('"sub"', '"__proto__"'));
    assert.equal(await read('/c/a.1/state', auth(`Bearer ${wrong}`)), '401');
  });
});
