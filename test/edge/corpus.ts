/**
 * Requests made to be understood differently by two servers in a row. Each hides a second request, or is malformed in a
 * way that parsers have forgiven before; sources are RFC 9112 §11 (attack considerations), §2.2, §5.1, §6 and §7, RFC 9110 §5.5,
 * and the published request-smuggling families (CL.TE, TE.CL, TE.TE, CL.0, chunk extensions, h2 pseudo-headers in text).
 */
export type Target = 'node' | 'haproxy' | 'nginx';

export interface Attack {
  readonly name: string;
  /** The whole request, but for the honest one that is sent right behind it. */
  bytes(channel: string): string;
  /** Who may answer it like any other request, and why that is right. Everybody else has to refuse it and hang up. */
  readonly allowed?: Partial<Record<Target, string>>;
}

/** What must never be served: it stands where only a body can be. */
export function hidden(channel: string): string {
  return `POST /c/${channel} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n\r\nsmuggled`;
}

function everywhere(why: string): Record<Target, string> {
  return { node: why, haproxy: why, nginx: why };
}

/** An edge may forgive what it does not pass on: it frames every body anew, and a server never sees how it came. */
function reframed(...targets: Target[]): Allowed {
  return Object.fromEntries(targets.map((target) => [target, 'read leniently, and framed anew']));
}

function passedOn(...targets: Target[]): Allowed {
  return Object.fromEntries(targets.map((target) => [target, 'passed on as one request, and refused by the server']));
}

const overridden: Allowed = {
  haproxy: 'RFC 9112 §6.3: chunked overrides; the length is removed, and the connection closed',
};
const agreeing: Allowed = { haproxy: 'RFC 9110 §8.6: lengths that agree may become one' };
const unfolded: Allowed = { haproxy: 'RFC 9112 §5.2: a proxy may put a blank in the place of a fold' };
const leftOut: Allowed = { nginx: 'the field is left out' };

type Allowed = NonNullable<Attack['allowed']>;

interface Parts {
  readonly line?: string;
  /** As they are, each followed by CR LF. */
  readonly fields?: readonly string[];
  readonly body?: string;
}

function attack(name: string, parts: (channel: string) => Parts, allowed: Allowed = {}): Attack {
  return {
    name,
    allowed,
    bytes(channel) {
      const { line = `POST /c/${channel} HTTP/1.1`, fields = [], body = '' } = parts(channel);
      return `${[line, 'Host: localhost', ...fields].join('\r\n')}\r\n\r\n${body}`;
    },
  };
}

/** The body ends at once as chunks, and holds another request as bytes. */
const asChunksEmpty = (channel: string) => `0\r\n\r\n${hidden(channel)}`;
/** The body is one chunk with another request in it; counted as bytes, it would end before that. */
const asOneChunk = (channel: string) => `${hidden(channel).length.toString(16)}\r\n${hidden(channel)}\r\n0\r\n\r\n`;

/** Both lengths, and the coding written so that only one of two servers knows it. */
const bothLengths = (name: string, fields: readonly string[], allowed: Allowed = {}): Attack[] => [
  attack(
    `CL.TE: ${name}`,
    (channel) => ({
      fields: [`Content-Length: ${asChunksEmpty(channel).length}`, ...fields],
      body: asChunksEmpty(channel),
    }),
    allowed,
  ),
  attack(
    `TE.CL: ${name}`,
    (channel) => ({
      fields: [`Content-Length: ${hidden(channel).length.toString(16).length + 2}`, ...fields],
      body: asOneChunk(channel),
    }),
    allowed,
  ),
];

/** Only a coding. */
const coded = (name: string, fields: readonly string[], allowed: Allowed = {}): Attack =>
  attack(`TE: ${name}`, (channel) => ({ fields, body: asOneChunk(channel) }), allowed);

const length = (name: string, fields: readonly string[], allowed: Allowed = {}): Attack =>
  attack(`CL: ${name}`, () => ({ fields, body: 'attack' }), allowed);

const chunks = (name: string, body: (channel: string) => string, allowed: Allowed = {}): Attack =>
  attack(`chunks: ${name}`, (channel) => ({ fields: ['Transfer-Encoding: chunked'], body: body(channel) }), allowed);

const field = (name: string, text: string, allowed: Allowed = {}): Attack =>
  attack(`field: ${name}`, () => ({ fields: ['Content-Length: 6', text], body: 'attack' }), allowed);

const line = (name: string, text: (channel: string) => string, allowed: Allowed = {}): Attack =>
  attack(
    `line: ${name}`,
    (channel) => ({ line: text(channel), fields: ['Content-Length: 6'], body: 'attack' }),
    allowed,
  );

export const corpus: readonly Attack[] = [
  ...bothLengths('plainly', ['Transfer-Encoding: chunked'], overridden),
  ...bothLengths('in capitals', ['TRANSFER-ENCODING: CHUNKED'], overridden),
  ...bothLengths('a blank before the colon', ['Transfer-Encoding : chunked']),
  ...bothLengths('a tab before the colon', ['Transfer-Encoding\t: chunked']),
  ...bothLengths('a tab behind the colon', ['Transfer-Encoding:\tchunked'], overridden),
  ...bothLengths('a vertical tab', ['Transfer-Encoding: \x0bchunked']),
  ...bothLengths('folded', ['Transfer-Encoding:\r\n chunked'], overridden),
  ...bothLengths('quoted', ['Transfer-Encoding: "chunked"']),
  ...bothLengths('xchunked', ['Transfer-Encoding: xchunked']),
  ...bothLengths('chunkedx', ['Transfer-Encoding: chunkedx']),
  ...bothLengths('identity', ['Transfer-Encoding: identity']),
  ...bothLengths('chunked, identity', ['Transfer-Encoding: chunked, identity']),
  ...bothLengths('identity, chunked', ['Transfer-Encoding: identity, chunked']),
  ...bothLengths('twice', ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity']),
  ...bothLengths('an empty one first', ['Transfer-Encoding:', 'Transfer-Encoding: chunked'], overridden),
  ...bothLengths('NUL at the end', ['Transfer-Encoding: chunked\0']),
  ...bothLengths('behind a bare LF', ['X: y\nTransfer-Encoding: chunked'], overridden),
  ...bothLengths('behind a bare CR', ['X: y\rTransfer-Encoding: chunked']),
  attack(
    'CL.TE: an underscore in the name',
    (channel) => ({
      fields: [`Content-Length: ${asChunksEmpty(channel).length}`, 'Transfer_Encoding: chunked'],
      body: asChunksEmpty(channel),
    }),
    everywhere('it is another field, without a meaning'),
  ),

  coded('gzip', ['Transfer-Encoding: gzip']),
  coded('gzip, chunked', ['Transfer-Encoding: gzip, chunked']),
  coded('chunked, gzip', ['Transfer-Encoding: chunked, gzip']),
  coded('chunked, chunked', ['Transfer-Encoding: chunked, chunked']),
  coded('chunked twice', ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked']),
  coded('chunked with a parameter', ['Transfer-Encoding: chunked;a=b']),
  coded('nothing', ['Transfer-Encoding:']),
  coded('a comma', ['Transfer-Encoding: chunked,'], { haproxy: 'RFC 9110 §5.6.1: empty elements are ignored' }),
  attack('TE: chunked in HTTP/1.0', (channel) => ({
    line: `POST /c/${channel} HTTP/1.0`,
    fields: ['Connection: keep-alive', 'Transfer-Encoding: chunked'],
    body: asOneChunk(channel),
  })),

  length('two that differ', ['Content-Length: 6', 'Content-Length: 7']),
  length('two that agree', ['Content-Length: 6', 'Content-Length: 6'], agreeing),
  length('a list that differs', ['Content-Length: 6, 7']),
  length('a list that agrees', ['Content-Length: 6, 6'], agreeing),
  length('a plus', ['Content-Length: +6']),
  length('negative', ['Content-Length: -6']),
  length('hexadecimal', ['Content-Length: 0x6']),
  length('a fraction', ['Content-Length: 6.0']),
  length('an exponent', ['Content-Length: 6e0']),
  length('blanks in it', ['Content-Length: 6 6']),
  length('empty', ['Content-Length:']),
  length('words', ['Content-Length: six']),
  length('2^64 + 6', ['Content-Length: 18446744073709551622']),
  length('2^63', ['Content-Length: 9223372036854775808']),
  length('NUL at the end', ['Content-Length: 6\0']),
  length('a semicolon', ['Content-Length: 6;']),
  length('a blank before the colon', ['Content-Length : 6']),
  length('folded', ['Content-Length:\r\n 6'], unfolded),
  length('behind a bare CR', ['X: y\rContent-Length: 6']),
  length('full-width digits', ['Content-Length: \xef\xbc\x96']),

  chunks('0x in front of the size', (channel) => `0x6\r\nattack\r\n0\r\n\r\n${hidden(channel)}`),
  chunks('a negative size', (channel) => `-6\r\nattack\r\n0\r\n\r\n${hidden(channel)}`),
  chunks('a plus', (channel) => `+6\r\nattack\r\n0\r\n\r\n${hidden(channel)}`),
  chunks('a blank in front of the size', (channel) => ` 6\r\nattack\r\n0\r\n\r\n${hidden(channel)}`),
  chunks('no size', (channel) => `\r\nattack\r\n0\r\n\r\n${hidden(channel)}`),
  chunks('a word', (channel) => `six\r\nattack\r\n0\r\n\r\n${hidden(channel)}`),
  chunks('2^64 + 6', (channel) => `10000000000000006\r\nattack\r\n0\r\n\r\n${hidden(channel)}`),
  chunks('2^32 + 6', (channel) => `100000006\r\nattack\r\n0\r\n\r\n${hidden(channel)}`),
  chunks('more data than the size', (channel) => `6\r\nattackers\r\n0\r\n\r\n${hidden(channel)}`),
  chunks('no line end behind the data', (channel) => `6\r\nattack0\r\n\r\n${hidden(channel)}`),
  chunks('a bare LF behind the size', () => '6\nattack\r\n0\r\n\r\n', reframed('haproxy', 'nginx')),
  chunks('a bare LF behind the data', () => '6\r\nattack\n0\r\n\r\n', reframed('haproxy', 'nginx')),
  chunks('a bare CR behind the size', (channel) => `6\rattack\r\n0\r\n\r\n${hidden(channel)}`),
  chunks('an extension with a bare LF', () => '6;a\nb\r\nattack\r\n0\r\n\r\n'),
  chunks('an extension with a bare CR', () => '6;a\rb\r\nattack\r\n0\r\n\r\n'),
  chunks('an extension with NUL', () => '6;a\0\r\nattack\r\n0\r\n\r\n', reframed('haproxy', 'nginx')),
  chunks('an extension of 30,000 bytes', () => `6;${'a'.repeat(30_000)}\r\nattack\r\n0\r\n\r\n`, reframed('nginx')),
  chunks('a plain extension', () => '6;a=b\r\nattack\r\n0\r\n\r\n', everywhere('RFC 9112 §7.1.1: to be ignored')),
  chunks(
    'trailers that frame again',
    () => '6\r\nattack\r\n0\r\nContent-Length: 99\r\nTransfer-Encoding: x\r\n\r\n',
    reframed('nginx'),
  ),
  chunks('a trailer without a colon', () => '6\r\nattack\r\n0\r\nno colon\r\n\r\n', reframed('nginx')),
  chunks(
    'upright, in capitals and with zeros',
    () => '0006\r\nattack\r\n000\r\n\r\n',
    everywhere('RFC 9112 §7.1 allows it'),
  ),

  field('NUL in the value', 'X: a\0b', passedOn('haproxy')),
  field('NUL in the name', 'X\0: a'),
  field('a bare CR in the value', 'X: a\rb'),
  field('a bare CR and a field', 'X: a\rContent-Length: 99'),
  field('a blank in the name', 'X Y: a'),
  field('a blank before the colon', 'X : a'),
  field('no colon', 'nothing', leftOut),
  field('no name', ': a'),
  field('folded', 'X: a\r\n b', unfolded),
  field('a control in the name', 'X\x01: a'),
  field('a control in the value', 'X: a\x01b', passedOn('haproxy', 'nginx')),
  field('8-bit in the name', 'X\xe9: a', leftOut),
  field('parentheses in the name', 'X(): a', leftOut),
  field('8-bit in the value', 'X: \xe9', everywhere('RFC 9110 §5.5: obs-text, opaque data')),
  field('20,000 bytes', `X: ${'a'.repeat(20_000)}`),
  field('a name of 20,000 bytes', `${'X'.repeat(20_000)}: a`),
  field('3,000 of them', Array.from({ length: 3_000 }, (_, i) => `X-${i}: a`).join('\r\n')),
  field(':path', ':path: /c/x'),
  field(':method', ':method: GET'),
  field(':authority', ':authority: evil'),
  field('a second Host', 'Host: y'),
  field(
    'Connection naming the length',
    'Connection: content-length',
    everywhere("RFC 9110 §7.6.1: framing is nobody's option; it stays in force"),
  ),
  field(
    'Connection naming Host',
    'Connection: host, keep-alive',
    everywhere("RFC 9110 §7.6.1: Host is nobody's option; it stays in force"),
  ),
  field('an unknown Expect', 'Expect: 200-maybe', everywhere('RFC 9110 §10.1.1: 417, or ignored')),
  field(
    'Upgrade: h2c',
    'Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
    everywhere('RFC 9110 §7.8: an upgrade may be ignored'),
  ),
  field(
    'Upgrade: websocket',
    'Connection: upgrade\r\nUpgrade: websocket',
    everywhere('RFC 9110 §7.8: an upgrade may be ignored'),
  ),
  field('Content-Encoding', 'Content-Encoding: gzip', everywhere('well-formed: 415')),

  line('a control in the method', (channel) => `PO\x01ST /c/${channel} HTTP/1.1`),
  line('a method in lower case', (channel) => `post /c/${channel} HTTP/1.1`, passedOn('haproxy')),
  line('an unknown method', (channel) => `SMUGGLE /c/${channel} HTTP/1.1`, passedOn('haproxy', 'nginx')),
  line('a method of 20,000 bytes', (channel) => `${'P'.repeat(20_000)} /c/${channel} HTTP/1.1`),
  line(
    'two blanks',
    (channel) => `POST  /c/${channel} HTTP/1.1`,
    everywhere('RFC 9112 §3: words may be told apart by any blanks'),
  ),
  line('tabs', (channel) => `POST\t/c/${channel}\tHTTP/1.1`, {
    haproxy: 'RFC 9112 §3: words may be told apart by any blanks',
  }),
  line('a blank in front', (channel) => ` POST /c/${channel} HTTP/1.1`),
  line('a blank at the end', (channel) => `POST /c/${channel} HTTP/1.1 `, {
    nginx: 'RFC 9112 §3: blanks at the end may be ignored',
  }),
  line('a blank in the path', (channel) => `POST /c/${channel} x HTTP/1.1`),
  line('no version', (channel) => `POST /c/${channel}`),
  line('HTTP/2.0', (channel) => `POST /c/${channel} HTTP/2.0`),
  line('HTTP/1.10', (channel) => `POST /c/${channel} HTTP/1.10`, { nginx: 'read as 1.1, and passed on as that' }),
  line('http/1.1', (channel) => `POST /c/${channel} http/1.1`),
  line('ICY/1.1', (channel) => `POST /c/${channel} ICY/1.1`),
  line('a request behind a bare LF', (channel) => `POST /c/${channel} HTTP/1.1\nHost: y`),
  line('a request behind a bare CR', (channel) => `POST /c/${channel} HTTP/1.1\rHost: y`),
  line('NUL in the path', (channel) => `POST /c/${channel}\0 HTTP/1.1`),
  line('20,000 bytes of path', (channel) => `POST /c/${channel}?${'x'.repeat(20_000)} HTTP/1.1`),
  line('no path', () => 'POST HTTP/1.1'),
  line('a path without a slash', (channel) => `POST c/${channel} HTTP/1.1`),
  line('an asterisk', () => 'POST * HTTP/1.1', everywhere('RFC 9112 §3.2.4: well-formed, and there is no such path')),
  line('CONNECT', () => 'CONNECT x:80 HTTP/1.1', { haproxy: 'well-formed: 405' }),
  line('TRACE', (channel) => `TRACE /c/${channel} HTTP/1.1`, everywhere('well-formed: 405')),
  line(
    'an absolute URI of another host',
    (channel) => `POST http://y/c/${channel} HTTP/1.1`,
    everywhere('RFC 9112 §3.2.2: its host counts, not that of the field'),
  ),
  line('an absolute URI', (channel) => `POST http://x/c/${channel} HTTP/1.1`, everywhere('RFC 9112 §3.2.2 demands it')),
  line('CR LF in front', (channel) => `\r\nPOST /c/${channel} HTTP/1.1`, everywhere('RFC 9112 §2.2 advises it')),

  {
    name: 'the preface of HTTP/2',
    bytes: (channel) => `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${hidden(channel)}`,
  },
  {
    name: 'every line ends with a bare LF',
    bytes: (channel) => `POST /c/${channel} HTTP/1.1\nHost: localhost\nContent-Length: 6\n\nattack`,
    allowed: { haproxy: 'RFC 9112 §2.2: it may end a line', nginx: 'RFC 9112 §2.2: it may end a line' },
  },
  {
    name: 'every line ends with a bare CR',
    bytes: (channel) => `POST /c/${channel} HTTP/1.1\rHost: localhost\rContent-Length: 6\r\rattack`,
  },
  {
    name: 'HTTP/0.9',
    bytes: (channel) => `GET /c/${channel}/state\r\n`,
  },
  {
    name: 'no Host',
    bytes: (channel) => `POST /c/${channel} HTTP/1.1\r\nContent-Length: 6\r\n\r\nattack`,
    allowed: { ...passedOn('haproxy'), node: 'well-formed but for that: 400' },
  },
  {
    name: 'GET with a body',
    bytes: (channel) =>
      `GET /c/${channel}/state HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${hidden(channel).length}\r\n\r\n${hidden(channel)}`,
    allowed: passedOn('haproxy', 'nginx'),
  },
  {
    name: 'GET with a chunked body',
    bytes: (channel) =>
      `GET /c/${channel}/state HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n${asOneChunk(channel)}`,
    allowed: passedOn('haproxy', 'nginx'),
  },
  {
    name: 'a stream with a body',
    bytes: (channel) =>
      `GET /c/${channel}/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${hidden(channel).length}\r\n\r\n${hidden(channel)}`,
    allowed: passedOn('haproxy', 'nginx'),
  },
  {
    name: 'Expect: 100-continue',
    bytes: (channel) =>
      `POST /c/${channel} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\nattack`,
    allowed: everywhere('RFC 9110 §10.1.1'),
  },
];
