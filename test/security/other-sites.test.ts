/**
 * What a page of another site can make its visitor's browser send to a server on that visitor's machine, with its own name made
 * to point there or without: nothing is taken, nothing is told (P29). Each row by a POST and a PUT in one segment, which the
 * shortcut answers, and in two, which Node reads, and by a stream, a poll and the state.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { ask } from '../support/ask.ts';
import type { ServerEnv } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';

interface Row {
  readonly what: string;
  /** `{port}` is the server's. Without one there is no Host, and the request is HTTP/1.0. */
  readonly host?: string | undefined;
  readonly origin?: string;
  readonly fields?: readonly string[];
  /** In front of the path: an absolute target. */
  readonly prefix?: string;
  /** Of what changes something, and of what reads. */
  readonly sent: number;
  readonly read: number;
}

const fine = { sent: 204, read: 200 };
const stranger = { sent: 403, read: 403 };
const foreignPage = { sent: 403, read: 200 };

const own = '127.0.0.1:{port}';
const ours = [own, 'localhost', 'localhost:1', 'localhost:', 'LOCALHOST:{port}', '127.9.9.9:{port}', '[::1]:{port}'];
const names = ['rt.example', 'RT.example:8443'];
const strangers = [
  'evil.example',
  'evil.example:{port}',
  'localhost.evil',
  'localhost.evil:{port}',
  'evil.localhost',
  'localhost.',
  '127.0.0.1.nip.io',
  '127.0.0.1.nip.io:{port}',
  '127.0.0.256',
  '127.1',
  '2130706433',
  '0.0.0.0:{port}',
  '[::]:{port}',
  '[::1].evil',
  '[::1]evil',
  '::1',
  'localhost@evil.example',
  'evil.example@localhost',
  'localhost evil.example',
  'localhost:x',
  'localhost:80:80',
  'xrt.example',
  'rt.example.evil',
  'rt.exampl',
  'app.example',
  '',
];

const hosts: readonly Row[] = [
  ...[...ours, ...names].map((host) => ({ what: `Host ${host}`, host, ...fine })),
  ...strangers.map((host) => ({ what: `Host ${host || 'that is empty'}`, host, ...stranger })),
  { what: 'no Host', host: undefined, ...stranger },
  { what: 'a target of our own', host: own, prefix: 'http://localhost:{port}', ...fine },
  { what: 'a target of another host', host: own, prefix: 'http://evil.example', ...stranger },
  { what: 'a target that only begins with ours', host: own, prefix: 'http://localhost@evil.example', ...stranger },
  { what: 'a target of our own and the Host of another', host: 'evil.example', prefix: `http://${own}`, ...stranger },
  {
    what: 'a stranger as its own origin',
    host: 'evil.example:{port}',
    origin: 'http://evil.example:{port}',
    ...stranger,
  },
];

const sendsNone: readonly Row[] = [
  { what: 'no Origin', host: own, ...fine },
  { what: 'the origin of this very Host', host: own, origin: `http://${own}`, ...fine },
  { what: 'the same by another address', host: '127.9.9.9:{port}', origin: 'http://127.9.9.9:{port}', ...fine },
  { what: 'the same behind an edge with TLS', host: 'rt.example', origin: 'https://rt.example', ...fine },
  { what: 'the same, with the port in the Host', host: 'rt.example:443', origin: 'https://rt.example', ...fine },
  { what: 'the same, in capitals', host: 'RT.example', origin: 'https://rt.example', ...fine },
  { what: 'the Host at another port', host: '127.9.9.9:{port}', origin: 'http://127.9.9.9:1', ...foreignPage },
  {
    what: 'the Host at the port of the other scheme',
    host: 'rt.example:80',
    origin: 'https://rt.example',
    ...foreignPage,
  },
  { what: 'another Host of ours', host: own, origin: 'https://rt.example', ...foreignPage },
  { what: 'a part of the Host', host: own, origin: 'http://127.0.0.1:', ...foreignPage },
  { what: 'two Origins', host: own, origin: `http://${own}`, fields: ['Origin: http://evil.example'], ...foreignPage },
  { what: 'two Origins in one', host: own, origin: `http://${own}, http://evil.example`, ...foreignPage },
  { what: 'an empty Origin', host: own, origin: '', ...foreignPage },
  ...['null', 'http://evil.example', 'http://localhost.evil', 'http://localhost:3000.evil', 'file://'].map(
    (origin) => ({
      what: `Origin ${origin}`,
      host: own,
      origin,
      ...foreignPage,
    }),
  ),
  {
    what: 'a form of another site',
    host: own,
    origin: 'null',
    fields: ['Content-Type: text/plain', 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate'],
    ...foreignPage,
  },
];

const byDefault = ['http://localhost:3000', 'https://localhost', 'http://127.0.0.1:5173', 'http://[::1]:8000'];
const notListed = [
  'https://APP.example',
  'https://app.example:443',
  'https://app.example/',
  'https://app.example.',
  'http://app.example',
  'https://app.example.evil.com',
  'https://xapp.example',
  'https://app.example@evil',
  'http://localhost:3000',
];

const at = (origin: string, answer: Pick<Row, 'sent' | 'read'>): Row => ({
  what: `Origin ${origin}`,
  host: own,
  origin,
  ...answer,
});

const tables: readonly { readonly name: string; readonly env: ServerEnv; readonly rows: readonly Row[] }[] = [
  { name: 'on loopback', env: {}, rows: [...hosts, ...sendsNone, ...byDefault.map((origin) => at(origin, fine))] },
  {
    name: 'with a listed origin',
    env: { CORS_ORIGINS: 'https://app.example' },
    rows: [
      ...sendsNone,
      at('https://app.example', fine),
      ...notListed.map((origin) => at(origin, foreignPage)),
      { what: 'a listed origin and a foreign Host', host: 'evil.example', origin: 'https://app.example', ...stranger },
    ],
  },
  {
    name: 'with every origin allowed',
    env: { CORS_ORIGINS: '*' },
    rows: [
      at('http://evil.example', fine),
      at('null', fine),
      { what: 'a foreign Host', host: 'evil.example', ...stranger },
    ],
  },
];

function headOf(method: string, path: string, { host, origin, fields = [], prefix = '' }: Row, port: number): string {
  const all = [
    ...(host === undefined ? [] : [`Host: ${host}`]),
    ...(origin === undefined ? [] : [`Origin: ${origin}`]),
  ];
  const version = host === undefined ? '1.0' : '1.1';
  const lines = [`${method} ${prefix}${path} HTTP/${version}`, ...all, ...fields].join('\r\n');
  return `${lines.replaceAll('{port}', String(port))}\r\n`;
}

const ways: readonly {
  readonly name: string;
  readonly kind: 'sent' | 'read';
  parts(row: Row, port: number, channel: string, seq: number): readonly string[];
}[] = [
  ...(['POST', 'PUT'] as const).flatMap((method) => {
    const change = (row: Row, port: number, channel: string, seq: number) =>
      headOf(method, `/c/${channel}?from=page-${seq}.nonce&seq=1`, row, port);
    return [
      {
        name: `${method} in one segment`,
        kind: 'sent' as const,
        parts: (...asked: Parameters<typeof change>) => [`${change(...asked)}Content-Length: 1\r\n\r\nx`],
      },
      {
        name: `${method} in two`,
        kind: 'sent' as const,
        parts: (...asked: Parameters<typeof change>) => [change(...asked), 'Content-Length: 1\r\n\r\nx'],
      },
    ];
  }),
  ...['events', 'events?format=json&since=earliest', 'state', 'history', 'no-such-path'].map((path) => ({
    name: `GET ${path}`,
    kind: 'read' as const,
    parts: (row: Row, port: number) => [`${headOf('GET', `/c/told/${path}`, row, port)}Accept: */*\r\n\r\n`],
  })),
];

for (const { name, env, rows } of tables) {
  describe(name, { concurrency: 8 }, () => {
    let server: LocalApp;
    /** Per channel, a publisher for each, because rows run side by side. */
    let taken = 0;
    let refused = 0;
    before(async () => {
      server = await startLocalApp({ PUBLIC_HOSTS: 'rt.example, RT2.example', ...env });
      assert.match(
        await ask(server.port, [`${headOf('POST', '/c/told', rows[0]!, server.port)}Content-Length: 6\r\n\r\nsecret`]),
        / 204 /,
      );
    });
    after(async () => {
      const eventsOf = async (channel: string) => {
        const answer = await fetch(`${server.url}/c/${channel}/events?format=json&since=earliest`);
        return ((await answer.json()) as { events: unknown[] }).events.length;
      };
      let ofTaken = 0;
      const isMerged = async () => {
        ofTaken = await eventsOf('taken');
        return ofTaken >= taken;
      };
      // What was accepted comes behind what was taken by mistake before it, if anything was.
      await waitFor(isMerged, {
        what: () => `${taken} changes, of which ${ofTaken} are there`,
        timeoutMs: 20_000,
      }).catch(async (error: unknown) => {
        await server[Symbol.asyncDispose]();
        throw error;
      });
      const ofRefused = await eventsOf('refused');
      await server[Symbol.asyncDispose]();
      assert.equal(ofRefused, 0, 'nothing that was refused was taken');
      assert.ok(refused > 0 || rows.every(({ sent }) => sent === 204));
      assert.equal(ofTaken, taken, 'and all that was accepted was');
      assert.doesNotMatch(JSON.stringify(server.logged), /"level":"(error|fatal)"/);
    });

    for (const row of rows) {
      it(row.what, async () => {
        for (const { name: way, kind, parts } of ways) {
          const expected = way.endsWith('no-such-path') && row.read === 200 ? 404 : row[kind];
          const channel = expected === 204 ? 'taken' : 'refused';
          const seq = kind === 'read' ? 0 : expected === 204 ? ++taken : ++refused;
          const answer = await ask(server.port, parts(row, server.port, channel, seq));
          assert.match(answer, new RegExp(`^HTTP/1\\.1 ${expected} `), `${way}: ${answer}`);
          if (expected !== 403) continue;
          assert.match(answer, /^content-type: application\/problem\+json\r$/im, way);
          assert.match(answer, /"code":"forged_request"/, way);
          assert.doesNotMatch(answer, /secret|evil/, `${way}: nothing is told, nor what was sent`);
        }
      });
    }
  });
}

describe('on loopback, a foreign Host', () => {
  it('is refused on every path but those of probes, also where a path cannot be decoded', async () => {
    await using server = await startLocalApp({ ADMIN_PORT: '0' });
    const adminPort = server.app.adminPort!;
    const row = { what: '', host: 'evil.example', sent: 403, read: 403 };
    for (const port of [server.port, adminPort]) {
      for (const path of [
        '/',
        '/metrics',
        '/load',
        '/openapi.json',
        '/c/%zz',
        '/c/a/%ff/events',
        '/nope',
        '/healthz/',
        '//healthz',
      ]) {
        for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS']) {
          const answer = await ask(port, [`${headOf(method, path, row, port)}Connection: close\r\n\r\n`]);
          assert.match(answer, /^HTTP\/1\.1 403 /, `${method} ${path}: ${answer}`);
        }
      }
      for (const path of ['/healthz', '/readyz', '/readyz?x=1']) {
        assert.match(await ask(port, [`${headOf('GET', path, row, port)}\r\n`]), /^HTTP\/1\.1 200 /, path);
      }
    }
  });
});

describe('beyond loopback', () => {
  it('every Host is answered, until PUBLIC_HOSTS says which', async () => {
    const env = { HOST: '0.0.0.0', AUTH: 'anonymous' };
    await using any = await startLocalApp(env);
    await using some = await startLocalApp({ ...env, PUBLIC_HOSTS: 'rt.example' });
    for (const [host, inSome] of [
      ['evil.example', 403],
      ['rt.example', 204],
      ['localhost', 204],
    ] as const) {
      const row = { what: '', host, sent: 204, read: 200 };
      const change = (port: number) => [`${headOf('POST', '/c/a', row, port)}Content-Length: 1\r\n\r\nx`];
      assert.match(await ask(any.port, change(any.port)), /^HTTP\/1\.1 204 /, host);
      assert.match(await ask(some.port, change(some.port)), new RegExp(`^HTTP/1\\.1 ${inSome} `), host);
    }
    const page = { what: '', host: 'rt.example', origin: 'https://rt.example', sent: 204, read: 200 };
    const foreign = { ...page, origin: 'http://localhost:3000' };
    for (const [row, status] of [
      [page, 204],
      [foreign, 403],
    ] as const) {
      const change = [`${headOf('POST', '/c/a', row, any.port)}Content-Length: 1\r\n\r\nx`];
      assert.match(await ask(any.port, change), new RegExp(`^HTTP/1\\.1 ${status} `));
    }
  });
});
