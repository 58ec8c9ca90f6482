/** Requests that are POSTs, nearly are, or have one byte too many: the same seed makes the same. */

export interface Case {
  /** What the client sends, latin1. */
  readonly bytes: string;
  /** Where it is cut for the path that gets it in pieces, ascending. */
  readonly cuts: readonly number[];
  /** Whether the client closes its sending side behind it. */
  readonly isEnded: boolean;
  /** Whether anything is behind the first request, so that its answer may be lost with the connection (P5). */
  readonly hasMore: boolean;
}

export type Random = () => number;

const fields = [
  ...['Host: x', 'host:y', 'Origin: http://localhost', 'origin: null', 'Connection: keep-alive', 'Connection: close'],
  ...[
    'X-Y: z',
    'Accept: */*',
    'Content-Type: text',
    'Content-Type: application/msgpack',
    'A_b:\t c ',
    'Content-Encoding: identity',
    'TE: trailers',
  ],
  ...['Content-Encoding: gzip', 'Expect: 100-continue', 'Expect: foo', 'Upgrade: h2c', 'Transfer-Encoding: chunked'],
  ...[
    'Change-From: a.b',
    'Change-Seq: 3',
    'Change-From: bad',
    'traceparent: 00-1-2-3',
    'Content-Length: 1',
    'Cookie: a=b',
    'X-Forwarded-For: 192.0.2.1',
    'x-forwarded-for: a, 192.0.2.1 , ',
  ],
  ...['Keep-Alive: 5', 'Transfer-Encoding: identity', 'X: \xe9', ': y', 'foo', 'Proxy-Connection: close', 'Host: x y'],
];
const targets = [
  ...Array.from({ length: 16 }, (_, i) => `/c/room?from=a.b&seq=${i + 1}`),
  ...[
    '/c/room',
    '/c/room?from=a.b&seq=1',
    '/c/a-b_c.d?from=a.b',
    '/c/',
    '/',
    '/c/a/b',
    '/c/a?',
    '/c/a?x=1&&',
    '//',
    '*',
  ],
  ...['/c/room?seq=1', '/c/room?from=a.b&seq=0', '/c/room?seq=2&from=a.b', '/c/r%6fom', '/c/.a', 'http://x/c/room'],
  ...[
    '/c/room?from=a.b&seq=17&batch=1',
    '/c/room?batch=1&from=a.b&seq=9',
    '/c/room?from=a.b&seq=3&batch=0',
    '/c/room?batch=1',
  ],
  ...['/c/room?from=a.b&from=a.b', '/c/room?from=&seq=', '/c/full', '/c/room#x', `/c/${'n'.repeat(65)}`],
];
const methods = ['POST', 'POST', 'POST', 'POST', 'PUT', 'PUT', 'GET', 'PATCH', 'QUERY', 'post'];
const bodies = [
  'x',
  'xy',
  'xyz',
  '\0\xff\r',
  '\r\n\r',
  '',
  'y'.repeat(10),
  'z'.repeat(11),
  'POST / HTTP/1.1\r\n\r\n',
  '"a"\n"b"',
  '"a"\n'.repeat(4),
];

export interface Brought {
  /** Values of `Authorization`: most have one, and some two. */
  readonly credentials: readonly string[];
  /** Values of `Cookie`, and of `Sec-Fetch-Site`. */
  readonly cookies: readonly string[];
  readonly sites: readonly string[];
}

export const nothing: Brought = { credentials: [], cookies: [], sites: [] };

export function makeCase(random: Random, brought: Brought = nothing): Case {
  const some = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const make = () => makeRequest(some, random, brought);
  const first = make();
  let bytes = first;
  while (random() < 0.1) bytes += random() < 0.8 ? make() : some(['\r\n', '\0', 'x', 'GET']);
  if (random() < 0.2) {
    const at = Math.floor(random() * bytes.length);
    const byte = String.fromCharCode(random() < 0.5 ? Math.floor(random() * 256) : some([0, 9, 10, 13, 32, 58, 63]));
    bytes = bytes.slice(0, at) + byte + bytes.slice(at + (random() < 0.7 ? 1 : 0));
  }
  const count = 1 + Math.floor(random() * 3);
  const cuts = Array.from({ length: count }, () => 1 + Math.floor(random() * (bytes.length - 1))).sort((a, b) => a - b);
  return { bytes, cuts, isEnded: random() < 0.1, hasMore: bytes !== first || !isFramed(first) };
}

/** Whether it says once how long it is, and is. */
function isFramed(request: string): boolean {
  const end = request.indexOf('\r\n\r\n') + 4;
  const lengths = request.slice(0, end).match(/^(content-length|transfer-encoding):.*$/gim) ?? [];
  return lengths.length === 1 && lengths[0] === `Content-Length: ${request.length - end}`;
}

function makeRequest(some: <T>(list: readonly T[]) => T, random: Random, brought: Brought): string {
  const { credentials, cookies, sites } = brought;
  const body = some(bodies);
  const head = [random() < 0.95 ? 'Host: x' : some(['X: y', 'Host: stranger.example', 'Host: localhost:80'])];
  if (random() < 0.95) head.push(`Content-Length: ${body.length}`);
  while (random() < 0.25) head.splice(Math.floor(random() * (head.length + 1)), 0, some(fields));
  const insert = (field: string) => head.splice(Math.floor(random() * (head.length + 1)), 0, field);
  const isOfPage = cookies.length > 0 && random() < 0.4;
  while (isOfPage) {
    insert(`${some(['Cookie', 'cookie', 'COOKIE'])}: ${some(cookies)}`);
    if (random() < 0.8) insert(`${some(['Sec-Fetch-Site', 'sec-fetch-site'])}: ${some(sites)}`);
    if (random() < 0.2) insert(`Origin: ${some(['http://x', 'http://localhost', 'http://evil', 'null', 'https://x'])}`);
    if (random() < 0.95) break;
  }
  while (credentials.length > 0 && random() < (isOfPage ? 0.1 : 0.7)) {
    const name = some(['Authorization', 'Authorization', 'authorization', 'AUTHORIZATION', 'Proxy-Authorization']);
    insert(`${name}: ${some(credentials)}`);
    if (random() < 0.93) break;
  }
  if (random() < 0.02) head.push(`X: ${'y'.repeat(some([4_000, 4_096, 15_000, 17_000]))}`);
  return `${some(methods)} ${some(targets)} HTTP/${random() < 0.97 ? '1.1' : '1.0'}\r\n${head.join('\r\n')}\r\n\r\n${body}`;
}
