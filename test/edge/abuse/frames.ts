/**
 * HTTP/2 frames as bytes (RFC 9113 §4, §6; RFC 7541 for fields), for what no library would send: `node:http2` takes a request that
 * is cancelled at once out of its queue, and the other side would never hear of it.
 */
const DATA = 0x0;
const HEADERS = 0x1;
const RST_STREAM = 0x3;
const SETTINGS = 0x4;
const PING = 0x6;
const CONTINUATION = 0x9;

const END_STREAM = 0x1;
const END_HEADERS = 0x4;
const CANCEL = 0x8;

function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A name of the static table with a value of its own, in no table afterwards; below 16 and 127 bytes one byte each suffices. */
function literal(index: number, value: string): Buffer {
  const first = index < 15 ? [index] : [15, index - 15];
  return Buffer.concat([Buffer.from([...first, value.length]), Buffer.from(value, 'latin1')]);
}

const GET = Buffer.from([0x82]);
const POST = Buffer.from([0x83]);
const HTTPS = Buffer.from([0x87]);
const path = (value: string) => literal(4, value);
const AUTHORITY = literal(1, 'localhost');
const contentLength = (value: number) => literal(28, String(value));

/** What a client begins with; SETTINGS has nothing to say. */
export const preface = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(SETTINGS, 0, 0)]);

export const ping = frame(PING, 0, 0, Buffer.alloc(8));
export const settings = frame(SETTINGS, 0, 0);

/** Takes a request back. */
export const cancel = (stream: number) => frame(RST_STREAM, 0, stream, Buffer.from([0, 0, 0, CANCEL]));

export function getRequest(stream: number, target: string): Buffer {
  const fields = Buffer.concat([GET, HTTPS, path(target), AUTHORITY]);
  return frame(HEADERS, END_HEADERS | END_STREAM, stream, fields);
}

/** Without a body, which a server refuses and counts. */
export function emptyPost(stream: number, target: string): Buffer {
  const fields = Buffer.concat([POST, HTTPS, path(target), AUTHORITY, contentLength(0)]);
  return frame(HEADERS, END_HEADERS | END_STREAM, stream, fields);
}

/** One byte of two: taken back, nobody may take it for a change. */
export function halfPost(stream: number, target: string): Buffer {
  const fields = Buffer.concat([POST, HTTPS, path(target), AUTHORITY, contentLength(2)]);
  return Buffer.concat([frame(HEADERS, END_HEADERS, stream, fields), frame(DATA, 0, stream, Buffer.from('x'))]);
}

/** A header that has begun. */
export function openHeader(stream: number, target: string): Buffer {
  return frame(HEADERS, END_STREAM, stream, Buffer.concat([GET, HTTPS, path(target), AUTHORITY]));
}

/** More of it, and it is still not all. */
export function continued(stream: number): Buffer {
  return frame(CONTINUATION, 0, stream, literal(19, 'x'.repeat(50)));
}
