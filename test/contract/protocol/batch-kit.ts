/** Batches as clients write them (P41). */
import { Buffer } from 'node:buffer';
import type { Answer } from '../../support/http.ts';
import type { Kit, Sending } from './kit.ts';

export const NDJSON = { 'content-type': 'application/x-ndjson' };
export const MSGPACK = { 'content-type': 'application/msgpack' };

export function linesWith(...changes: string[]): string {
  return changes.map((change) => `${JSON.stringify(change)}\n`).join('');
}

/** A MessagePack array of binaries, each with the longest of the heads that may be. */
export function packedWith(...changes: (Uint8Array | string)[]): Buffer {
  const head = Buffer.from([0xdc, changes.length >> 8, changes.length & 0xff]);
  return Buffer.concat([head, ...changes.map((change) => binary(Buffer.from(change)))]);
}

export function binary(bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head[0] = 0xc6;
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

export function postBatch(kit: Kit, channel: string, body: Uint8Array | string, sending: Sending): Promise<Answer> {
  const type = typeof body === 'string' ? NDJSON : MSGPACK;
  return kit.post(channel, body, { batch: '1', ...sending, headers: { ...type, ...sending.headers } });
}
