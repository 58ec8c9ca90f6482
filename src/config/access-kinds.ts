/** Kinds of setting values that have to do with access. None of them repeats what it is given: that may be a secret. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { type Grants, parseGrants } from '../access/grants.ts';
import { algorithmOf, KEY_KINDS } from '../access/key-kind.ts';
import { isLoopback, type Kind } from './kinds.ts';

/** Of HS256 (RFC 7518 §3.2): a shorter one is guessed from a single token. */
const SECRET_MIN_BYTES = 32;

export const sharedSecret: Kind<string> = {
  form: `${SECRET_MIN_BYTES} bytes or more, without white space around them`,
  parse(text) {
    if (text.trim() !== text)
      return { ok: false, problem: 'must not begin or end with white space, which would be part of it' };
    // A public key that is taken for a secret is a secret that everybody knows.
    if (/-----BEGIN|^\s*\{/.test(text))
      return { ok: false, problem: 'must be a secret: a public key goes into JWT_PUBLIC_KEY' };
    return Buffer.byteLength(text) >= SECRET_MIN_BYTES
      ? { ok: true, value: text }
      : { ok: false, problem: `must be ${this.form}` };
  },
};

const pemPattern = /^-----BEGIN PUBLIC KEY-----[\sA-Za-z0-9+/=]+-----END PUBLIC KEY-----$/;

/** What surrounds it is trimmed, and `\n` may stand for a line's end, as many a tool writes a variable. */
export const publicKeyPem: Kind<string> = {
  form: `a public key in PEM (\`-----BEGIN PUBLIC KEY-----\`): ${KEY_KINDS}`,
  parse(text) {
    const pem = text.replaceAll('\\n', '\n').trim();
    const key = pemPattern.test(pem) ? keyOf(pem) : undefined;
    return key !== undefined && algorithmOf(key) !== undefined
      ? { ok: true, value: pem }
      : { ok: false, problem: `must be ${this.form}` };
  },
};

function keyOf(pem: string): KeyObject | undefined {
  try {
    return createPublicKey(pem);
  } catch {
    return undefined;
  }
}

/** Over plain HTTP only from this machine: whoever is in between could put keys of his own into it. */
export const keysUrl: Kind<string> = {
  form: 'a URL, `https://`, or `http://` on loopback, without user or password',
  parse(text) {
    const url = URL.canParse(text) ? new URL(text) : null;
    const isSafe =
      url !== null &&
      (url.protocol === 'https:' ||
        (url.protocol === 'http:' && isLoopback(url.hostname.replace(/^\[(.*)\]$/, '$1')))) &&
      url.username === '' &&
      url.password === '';
    return isSafe ? { ok: true, value: text } : { ok: false, problem: `must be ${this.form}` };
  },
};

/** `Authorization` would be taken for a token of ours. */
export const headerNames: Kind<readonly string[]> = {
  form: 'a comma list of header names such as `cookie`, without `authorization`',
  parse(text) {
    const names = text.split(',').map((name) => name.trim().toLowerCase());
    const isRight = names.every((name) => /^[a-z0-9-]{1,60}$/.test(name) && !notForwarded.includes(name));
    return isRight ? { ok: true, value: names } : { ok: false, problem: `must be ${this.form}` };
  },
};

/** Of one connection, or of the body that we send. */
const notForwarded = [
  ...['authorization', 'connection', 'content-encoding', 'content-length', 'content-type', 'expect', 'host'],
  ...['keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
];

/** Compared letter by letter with what tokens say, so nothing is made of it. */
export const claimText: Kind<string> = {
  form: '1 to 255 visible ASCII characters',
  parse: (text) =>
    /^[!-~]{1,255}$/.test(text)
      ? { ok: true, value: text }
      : { ok: false, problem: 'must be 1 to 255 visible ASCII characters' },
};

export const grants: Kind<Grants> = {
  form: 'JSON such as `{"subscribe":["public.*"]}`, as a token has it',
  parse(text) {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return { ok: false, problem: `must be ${this.form}` };
    }
    const parsed = parseGrants(value);
    return typeof parsed === 'string'
      ? { ok: false, problem: `must be ${this.form}: ${parsed}` }
      : { ok: true, value: parsed };
  },
};
