/**
 * MessagePack, written by hand into a Buffer of the right size: what the hot paths send to Redis. Each `write…` takes where to
 * begin and returns where it ended. (https://github.com/msgpack/msgpack/blob/master/spec.md)
 */
export const FIXARRAY = 0x90;
const ARRAY_16 = 0xdc;
const ARRAY_32 = 0xdd;
const FIXSTR = 0xa0;
const STR_8 = 0xd9;
const STR_16 = 0xda;
const STR_32 = 0xdb;
const UINT_8 = 0xcc;
const UINT_16 = 0xcd;
const UINT_32 = 0xce;
const INT_32 = 0xd2;
const FLOAT_64 = 0xcb;
const BIN_8 = 0xc4;
const BIN_16 = 0xc5;
const BIN_32 = 0xc6;

export function asciiSize(text: string): number {
  return (text.length < 32 ? 1 : 2) + text.length;
}

/** Of that many bytes, as a string or as a binary. */
export function bytesSize(length: number): number {
  return (length < 0x100 ? 2 : length < 0x10000 ? 3 : 5) + length;
}

function isInt32(value: number): boolean {
  return (value | 0) === value;
}

function isUint32(value: number): boolean {
  return value >>> 0 === value;
}

export function numberSize(value: number): number {
  if (!isUint32(value)) return isInt32(value) ? 5 : 9;
  return value < 0x80 ? 1 : value < 0x100 ? 2 : value < 0x10000 ? 3 : 5;
}

/** Channel names, publishers and traces are ASCII by their patterns, and short: a loop is faster than a call out of JavaScript. */
export function writeAscii(target: Buffer, start: number, text: string): number {
  let at = start;
  const { length } = text;
  if (length < 32) target[at++] = FIXSTR | length;
  else {
    target[at++] = STR_8;
    target[at++] = length;
  }
  let bits = length;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    bits |= code;
    target[at++] = code;
  }
  if (bits > 0x7f) throw new RangeError('a channel, publisher or trace is too long or not ASCII');
  return at;
}

export function writeNumber(target: Buffer, start: number, value: number): number {
  if (!isUint32(value)) {
    if (isInt32(value)) {
      target[start] = INT_32;
      return target.writeInt32BE(value, start + 1);
    }
    target[start] = FLOAT_64;
    return target.writeDoubleBE(value, start + 1);
  }
  if (value < 0x80) {
    target[start] = value;
    return start + 1;
  }
  if (value < 0x100) {
    target[start] = UINT_8;
    return target.writeUInt8(value, start + 1);
  }
  if (value < 0x10000) {
    target[start] = UINT_16;
    return target.writeUInt16BE(value, start + 1);
  }
  target[start] = UINT_32;
  return target.writeUInt32BE(value, start + 1);
}

/** @param length At most 65,535. */
export function writeArrayHead(target: Buffer, start: number, length: number): number {
  target[start] = ARRAY_16;
  return target.writeUInt16BE(length, start + 1);
}

export const LONG_ARRAY_HEAD_BYTES = 5;

/** In the longest form, whatever the length: so many bytes whatever comes. */
export function writeLongArrayHead(target: Buffer, start: number, length: number): number {
  target[start] = ARRAY_32;
  return target.writeUInt32BE(length, start + 1);
}

export function writeStringHead(target: Buffer, start: number, length: number): number {
  return writeHead(target, start, length, STR_8, STR_16, STR_32);
}

export function writeBinary(target: Buffer, start: number, bytes: Uint8Array): number {
  const at = writeHead(target, start, bytes.length, BIN_8, BIN_16, BIN_32);
  target.set(bytes, at);
  return at + bytes.length;
}

/** UTF-8, unlike `asciiSize` with a head of at least two bytes. */
export function textSize(text: string): number {
  return bytesSize(Buffer.byteLength(text));
}

export function writeText(target: Buffer, start: number, text: string): number {
  const at = writeStringHead(target, start, Buffer.byteLength(text));
  return at + target.write(text, at);
}

function writeHead(target: Buffer, start: number, length: number, of8: number, of16: number, of32: number): number {
  if (length < 0x100) {
    target[start] = of8;
    return target.writeUInt8(length, start + 1);
  }
  if (length < 0x10000) {
    target[start] = of16;
    return target.writeUInt16BE(length, start + 1);
  }
  target[start] = of32;
  return target.writeUInt32BE(length, start + 1);
}
