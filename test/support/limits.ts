/** Requests for tests of limits: as bytes, of whatever address a proxy that is trusted says. */
import assert from 'node:assert/strict';
import type { LimitsConfig } from '../../src/access/limiter.ts';

/** Every limit switched off. */
export const noLimits: LimitsConfig = {
  maxStreams: 1_000,
  maxStreamsPerSub: 0,
  maxStreamsPerAddress: 0,
  maxPostsPerSPerSub: 0,
  maxPostsPerSPerAddress: 0,
  maxFailedCredentialsPerMin: 0,
  maxNewChannelsPerH: 0,
  maxSessionsPerMinPerSub: 0,
  maxSessionsPerMinPerAddress: 0,
};

const HOST = 'Host: 127.0.0.1\r\n';

/**
 * A POST of one byte: in one segment for the shortcut, in two for Node, also where both arrive together. @param fields Each with its CR LF.
 */
export function posting(segments: 1 | 2, path: string, fields: string): string[] {
  const head = `POST ${path} HTTP/1.1\r\n${HOST}${fields}`;
  const rest = 'Content-Length: 1\r\n\r\nx';
  return segments === 1 ? [head + rest] : [`${head}Connection: close\r\n`, rest];
}

export function reading(path: string, fields = ''): string[] {
  return [`GET ${path} HTTP/1.1\r\n${HOST}${fields}Connection: close\r\n\r\n`];
}

export function from(...addresses: string[]): string {
  return `X-Forwarded-For: ${addresses.join(', ')}\r\n`;
}

export function assertTooMany(answer: string, code = 'too_many_changes'): void {
  assert.match(answer, /^HTTP\/1\.1 429 /);
  assert.match(answer, /^retry-after: [1-9]\d*\r$/im);
  assert.match(answer, /^content-type: application\/problem\+json\r$/im);
  assert.match(answer, new RegExp(`"code":"${code}"`));
}
