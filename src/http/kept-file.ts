/** A file that is served as it is: read once, kept plain and gzipped, because the edges do not compress, and asked for again by its `ETag`. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { constants, gzipSync } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isNamed } from './etag.ts';

interface Copy {
  readonly body: Buffer;
  readonly etag: string;
}

export interface KeptFile {
  readonly plain: Copy;
  readonly gzipped: Copy;
}

/** A coding that is named and not refused by `q=0` (RFC 9110 §12.5.3). */
const takesGzip = /(?:^|,)\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[^,]*)?(?:,|$)/i;

/** @returns Undefined where nothing was built. */
export function readKept(file: URL): KeptFile | undefined {
  return existsSync(file) ? keep(readFileSync(file)) : undefined;
}

export function keep(body: Buffer): KeptFile {
  const hash = createHash('sha256').update(body).digest('base64url').slice(0, 22);
  // Of two codings a cache must be able to tell which it has.
  const gzipped = { body: gzipSync(body, { level: constants.Z_BEST_COMPRESSION }), etag: `"${hash}.gz"` };
  return { plain: { body, etag: `"${hash}"` }, gzipped };
}

export interface Answer {
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;
}

export function sendKept(request: FastifyRequest, reply: FastifyReply, file: KeptFile, answer: Answer): FastifyReply {
  const isZipped = takesGzip.test(String(request.headers['accept-encoding'] ?? ''));
  const { body, etag } = isZipped ? file.gzipped : file.plain;
  reply.headers(answer.headers).header('etag', etag);
  const known = request.headers['if-none-match'];
  if (known !== undefined && isNamed(etag, known)) return reply.code(304).send();
  if (isZipped) reply.header('content-encoding', 'gzip');
  return reply.type(answer.type).send(body);
}
