/** Tokens that are nearly right, and some that are; in which ways each is tried. Directly, and through HAProxy and nginx. */
import { createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import {
  AUDIENCE,
  b64,
  type Claims,
  claims,
  granting,
  hs256,
  ISSUER,
  nowS,
  pair,
  SECRET,
  type Signer,
  token,
} from '../../support/tokens.ts';

const k2 = pair('RS256', 'k2');
const k3 = pair('ES256', 'k3');
const k4 = pair('EdDSA', 'k4');
/** Of the same kind as k2, and without a name for what it is for. */
const k5 = pair('RS256', 'k5');
export const attacker = pair('RS256', 'k2');
const weak = (() => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const signer: Signer = {
    header: { alg: 'RS256', typ: 'JWT', kid: 'weak' },
    sign: (input) => sign('sha256', Buffer.from(input), privateKey),
  };
  return { ...signer, jwk: { ...publicKey.export({ format: 'jwk' }), kid: 'weak' } };
})();

const { alg: _, ...unnamed } = k5.jwk();
export const jwks = {
  keys: [k2.jwk(), k3.jwk(), k4.jwk({ use: 'sig' }), unnamed, weak.jwk, { kty: 'oct', k: 'AAAA', kid: 'oct' }],
};

export const grant = { publish: ['a.1'], subscribe: ['a.1'] };
export const good = granting(grant);
export const signedBy = (signer: Signer, header: Claims = {}) => token(good, signer, header);
export const withClaims = (more: Claims) => token(granting(grant, more));
const withGrant = (value: unknown) => token(granting(value));
export const withHeader = (header: Claims) => token(good, hs256(SECRET), header);

const [head, body, signature] = token(good).split('.') as [string, string, string];
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
/** The same bits, but for those that are of no byte. */
const respelt = signature.slice(0, -1) + alphabet[alphabet.indexOf(signature.at(-1)!) + 1]!;

function hmacWith(key: string | Uint8Array): string {
  return signedBy({
    header: { alg: 'HS256', typ: 'JWT', kid: 'k2' },
    sign: (input) => createHmac('sha256', key).update(input).digest(),
  });
}

const der = createPublicKey(k2.pem).export({ type: 'spki', format: 'der' });
const k2Jwk = k2.jwk();

function es256With(change: (raw: Buffer) => Buffer): string {
  return signedBy({ header: k3.header, sign: (input) => change(k3.sign(input)) });
}

const ORDER = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');

export interface Row {
  readonly what: string;
  /** Of `Authorization`; several fields where it is a list. */
  readonly value: string | readonly string[];
  readonly status?: number;
  readonly code?: string;
}

/** What is of a time near now is made when it is sent: before its turn a row may wait for a minute. */
type Value = string | (() => string);
const bearing = (value: Value) => `Bearer ${typeof value === 'string' ? value : value()}`;

export const valid = (what: string, value: Value): Row => ({
  what,
  get value() {
    return bearing(value);
  },
  status: 204,
});
export const invalid = (what: string, value: Value, code = 'invalid_token'): Row => ({
  what,
  get value() {
    return bearing(value);
  },
  code,
});
const forbidden = (what: string, value: string): Row => ({
  what,
  value: `Bearer ${value}`,
  status: 403,
  code: 'forbidden',
});
const none = (what: string, value: string): Row => ({ what, value, code: 'unauthenticated' });

const deep = `${'['.repeat(1400)}${']'.repeat(1400)}`;

export const rows: readonly Row[] = [
  none('an empty field', ''),
  none('Bearer alone', 'Bearer'),
  { what: 'Basic', value: 'Basic YWxpY2U6eA==', code: 'invalid_token' },
  invalid('Bearer twice', `Bearer ${token(good)}`),
  invalid('a list', `${token(good)}, ${token(good)}`),
  {
    what: 'two fields that are the same',
    value: [`Bearer ${token(good)}`, `Bearer ${token(good)}`],
    status: 400,
    code: 'bad_request',
  },
  { what: 'two fields', value: [`Bearer ${token(good)}`, 'Basic x'], status: 400, code: 'bad_request' },
  {
    what: 'two fields, the good one last',
    value: ['Basic x', `Bearer ${token(good)}`],
    status: 400,
    code: 'bad_request',
  },
  { what: 'bearer in lower case', value: `bearer ${token(good)}`, status: 204 },
  { what: 'BEARER and two blanks', value: `BEARER  ${token(good)}`, status: 204 },
  invalid('4,097 bytes', token({ ...good, pad: 'x'.repeat(4097) }).slice(0, 4097)),
  invalid('a sound one of more than 4,096', token({ ...good, pad: 'x'.repeat(3200) })),
  valid('nearly 4,096 bytes', token({ ...good, pad: 'x'.repeat(2600) })),
  { what: '17 KB', value: `Bearer ${'x'.repeat(17_000)}`, status: 431 },
  ...[head, `${head}.${body}`, `${head}.${body}.${signature}.x`, `${head}.${body}.${signature}.a.b`].map((text) =>
    invalid(`${text.split('.').length} parts`, text),
  ),
  invalid('an empty header', `.${body}.${signature}`),
  invalid('an empty payload', `${head}..${signature}`),
  invalid('an empty signature', `${head}.${body}.`),
  invalid('padding', `${token(good)}=`),
  invalid('+ and /', `${head}.${body}.${signature.slice(0, -2)}+/`),
  invalid('a blank inside', `${head}.${body} .${signature}`),
  invalid('a TAB inside', `${head}.${body}\t.${signature}`),
  invalid('8-bit inside', `${head}.${body}\xe9.${signature}`),
  { what: 'NUL inside', value: `Bearer ${head}.${body}\0.${signature}`, status: 400 },
  invalid('unused bits of the last character', `${head}.${body}.${respelt}`),
  ...['none', 'None', 'nOnE', '', null, ['HS256'], 1, undefined].map((alg) =>
    invalid(`alg ${JSON.stringify(alg)}`, withHeader({ alg })),
  ),
  invalid('alg none, without a signature', `${b64({ alg: 'none', typ: 'JWT' })}.${body}.`),
  ...[
    k2.pem,
    `\n${k2.pem}`,
    k2.pem.trim(),
    ` ${k2.pem}`,
    `\uFEFF${k2.pem}`,
    der,
    JSON.stringify(k2Jwk),
    k2Jwk.n as string,
  ].map((key, i) => invalid(`HS256 with the public key, ${i}`, hmacWith(key))),
  invalid('HS384', signedBy(hs256(SECRET, 'HS384'))),
  invalid('HS512', signedBy(hs256(SECRET, 'HS512'))),
  ...['PS256', 'RS512', 'ES256', 'HS256', 'EdDSA'].map((alg) => invalid(`RS256 called ${alg}`, signedBy(k2, { alg }))),
  ...['ES384', 'ES256K', 'RS256'].map((alg) => invalid(`ES256 called ${alg}`, signedBy(k3, { alg }))),
  ...['PS256', 'RS384'].map((alg) => invalid(`of a key that names no alg, called ${alg}`, signedBy(k5, { alg }))),
  invalid(
    'r and s of 0',
    es256With(() => Buffer.alloc(64)),
  ),
  invalid(
    'r of the order',
    es256With((raw) => Buffer.concat([ORDER, raw.subarray(32)])),
  ),
  invalid(
    '63 bytes',
    es256With((raw) => raw.subarray(0, 63)),
  ),
  invalid(
    '65 bytes',
    es256With((raw) => Buffer.concat([raw, Buffer.from([0])])),
  ),
  invalid(
    'a signature in DER',
    signedBy({
      header: k3.header,
      sign: (input) => sign('sha256', Buffer.from(input), { key: k3.privateKey, dsaEncoding: 'der' }),
    }),
  ),
  invalid('a cut signature', `${head}.${body}.${signature.slice(0, -4)}`),
  invalid('the signature of another token', `${head}.${body}.${token(claims()).split('.')[2]}`),
  invalid('the signature of another header', `${b64({ alg: 'HS256', typ: 'JWT', x: 1 })}.${body}.${signature}`),
  invalid('another payload', `${head}.${b64(granting({ publish: ['*'], subscribe: ['*'] }))}.${signature}`),
  ...['../../k2', "' OR 1=1", '__proto__', 'constructor', 'x'.repeat(2000), ''].map((kid) =>
    invalid(`kid ${kid.slice(0, 12)}`, signedBy(k2, { kid })),
  ),
  ...[1, null, ['k2'], {}].map((kid) => invalid(`kid ${JSON.stringify(kid)}`, signedBy(k2, { kid }))),
  ...[1, null].map((kid) => invalid(`HS256 with kid ${kid}`, withHeader({ kid }))),
  invalid('no kid, and two keys fit', signedBy(k2, { kid: undefined })),
  valid('no kid, and one fits', signedBy(k3, { kid: undefined })),
  invalid('the kid of another key', signedBy(k2, { kid: 'k5' })),
  invalid('a key of 1,024 bits', signedBy(weak)),
  invalid('the attacker’s key in jwk', signedBy(attacker, { jwk: attacker.jwk() })),
  invalid('x5c', signedBy(attacker, { x5c: ['AAAA'] })),
  ...[[], ['exp'], ['b64'], ['nobody']].map((crit) => invalid(`crit ${crit}`, withHeader({ crit }))),
  ...[true, false].map((value) => invalid(`b64 ${value}`, withHeader({ crit: ['b64'], b64: value }))),
  ...[{ b64: true }, { zip: 'DEF' }, { enc: 'A128GCM' }, { cty: 'JWT' }].map((more) =>
    invalid(`${Object.keys(more)}`, withHeader(more)),
  ),
  ...['JWE', 'dpop+jwt', 'logout+jwt', 'jwt', null, 1].map((typ) => invalid(`typ ${typ}`, withHeader({ typ }))),
  valid('typ at+jwt', withHeader({ typ: 'at+jwt' })),
  valid('no typ', withHeader({ typ: undefined })),
  ...[[], 'text', 1, null, true].map((payload) =>
    invalid(`a payload that is ${JSON.stringify(payload)}`, token(payload === 'text' ? '"text"' : payload)),
  ),
  invalid('a payload that is no UTF-8', token(Buffer.from([0x7b, 0xff, 0x7d]))),
  invalid('a payload of 1,400 levels', token(deep)),
  invalid('a payload of brackets', token('['.repeat(3000))),
  invalid('an ID token', withClaims({ aud: 'client-1', nonce: 'x' })),
  ...[undefined, null, `${nowS() + 60}`, [], true, {}].map((exp) =>
    invalid(`exp ${JSON.stringify(exp)}`, withClaims({ exp })),
  ),
  ...[-1, 0].map((exp) => invalid(`exp ${exp}`, withClaims({ exp }))),
  invalid('exp 1e308', token(JSON.stringify({ ...good, exp: 0 }).replace('"exp":0', '"exp":1e308'))),
  invalid('exp infinite', token(JSON.stringify({ ...good, exp: 0 }).replace('"exp":0', '"exp":1e999'))),
  invalid('exp 2^53', withClaims({ exp: 2 ** 53 })),
  invalid('exp beyond TOKEN_MAX_LIFETIME_S', () => withClaims({ exp: nowS() + 86_400 + 60 })),
  invalid('exp now', withClaims({ exp: nowS() }), 'token_expired'),
  invalid('exp a second ago', withClaims({ exp: nowS() - 1 }), 'token_expired'),
  invalid('exp passed, and a bad signature', `${withClaims({ exp: nowS() - 1 }).slice(0, -4)}AAAA`),
  invalid('nbf to come', () => withClaims({ nbf: nowS() + 120 })),
  valid('nbf in a moment', () => withClaims({ nbf: nowS() + 20 })),
  invalid('iat to come', () => withClaims({ iat: nowS() + 120 })),
  invalid('iat a text', withClaims({ iat: `${nowS()}` })),
  invalid('nbf null', withClaims({ nbf: null })),
  ...[undefined, 'https://evil.example', [ISSUER], `${ISSUER}/`, ISSUER.toUpperCase(), null].map((iss) =>
    invalid(`iss ${JSON.stringify(iss)}`, withClaims({ iss })),
  ),
  ...[undefined, null, [], {}, AUDIENCE.slice(0, -1), `${AUDIENCE}/x`, AUDIENCE.toUpperCase(), ['x'], [[AUDIENCE]]].map(
    (aud) => invalid(`aud ${JSON.stringify(aud)}`, withClaims({ aud })),
  ),
  invalid('a token of Mercure', () =>
    token({ aud: 'https://hub.example', exp: nowS() + 60, mercure: { publish: ['*'], subscribe: ['*'] } }),
  ),
  invalid('a token of Centrifugo', () =>
    token({ sub: 'alice', iss: ISSUER, aud: 'centrifugo', exp: nowS() + 60, channels: ['a.1'] }),
  ),
  valid('aud of several', withClaims({ aud: ['https://other.example', AUDIENCE] })),
  ...[undefined, '', 7, {}, null, 'x'.repeat(256), 'a\r\nb', 'a\0', 'a\u202Eb', 'a\u2028b'].map((sub) =>
    invalid(`sub ${JSON.stringify(sub)?.slice(0, 20)}`, withClaims({ sub })),
  ),
  forbidden('no grant', token(claims())),
  ...[null, '*', [], 1, true].map((value) => invalid(`a grant that is ${JSON.stringify(value)}`, withGrant(value))),
  ...[
    'user.1*',
    '*a',
    'a*b',
    'a.*.b',
    '**',
    '.*',
    '',
    'a b',
    'x'.repeat(65),
    'a.*.*',
    '+',
    '#',
    'a.#',
    7,
    null,
    ['a'],
  ].map((entry) =>
    invalid(
      `an entry ${JSON.stringify(entry).slice(0, 12)}`,
      withGrant({ publish: ['a.1', entry], subscribe: ['a.1'] }),
    ),
  ),
  invalid('an entry of another list', withGrant({ ...grant, presence: ['a*'] })),
  invalid('101 entries', withGrant({ ...grant, publish: Array.from({ length: 101 }, () => 'a.1') })),
  invalid('a list that is none', withGrant({ ...grant, history: 'a.1' })),
  invalid('a name with a dot', withGrant({ ...grant, name: 'a.b' })),
  invalid('names that are none', withGrant({ ...grant, names: ['a b'] })),
  ...['__proto__', 'constructor'].map((name) =>
    forbidden(`grants in ${name}`, token(JSON.stringify({ ...claims(), x: grant }).replace('"x"', `"${name}"`))),
  ),
  ...['__proto__', 'constructor'].map((name) =>
    forbidden(`lists in ${name}`, token(JSON.stringify(granting({ x: grant })).replace('"x"', `"${name}"`))),
  ),
  ...['*', 'a.*', '../x', '{7}', '.*', '+', '#', '__proto__'].map((sub) => valid(`sub ${sub}`, withClaims({ sub }))),
  valid('RS256', signedBy(k2)),
  valid('ES256', signedBy(k3)),
  valid('EdDSA', signedBy(k4)),
  valid('of a key that names no alg', signedBy(k5)),
  valid('HS256 with a kid', withHeader({ kid: 'anything' })),
];
