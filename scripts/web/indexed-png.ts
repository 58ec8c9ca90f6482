/** A PNG with a palette, a third of what a browser makes of a drawing with few colours (RFC 2083, https://www.w3.org/TR/png-3/). */
import { crc32, deflateSync } from 'node:zlib';

/** A drawing of four colours and their edges needs no more, and each bit of an index is paid for in every package. */
const COLOURS_MAX = 48;

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const made = Buffer.alloc(8 + data.length + 4);
  made.writeUInt32BE(data.length);
  body.copy(made, 4);
  made.writeUInt32BE(crc32(body) >>> 0, made.length - 4);
  return made;
}

function distance(a: number, b: number): number {
  let sum = 0;
  for (let shift = 0; shift < 32; shift += 8) sum += (((a >>> shift) & 255) - ((b >>> shift) & 255)) ** 2;
  return sum;
}

/** The most frequent colours, and for each colour there is, which of them is nearest. */
function paletteOf(pixels: Uint32Array): { palette: number[]; indexOf: Map<number, number> } {
  const counts = new Map<number, number>();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const palette = [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, COLOURS_MAX)
    .map(([colour]) => colour);
  const nearest = (colour: number) =>
    palette.reduce((best, each, i) => (distance(each, colour) < distance(palette[best]!, colour) ? i : best), 0);
  return { palette, indexOf: new Map([...counts.keys()].map((colour) => [colour, nearest(colour)])) };
}

/** @param rgba Four bytes for each pixel, line by line, as a canvas has them. */
export function indexedPng(rgba: Buffer, size: number): Buffer {
  const pixels = Uint32Array.from({ length: size * size }, (_, i) => rgba.readUInt32BE(i * 4));
  const { palette, indexOf } = paletteOf(pixels);
  const lines = Buffer.alloc((size + 1) * size);
  for (const [i, pixel] of pixels.entries()) lines[i + Math.floor(i / size) + 1] = indexOf.get(pixel)!;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  // Eight bits for each pixel, an index into the palette.
  header.set([8, 3, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk(
      'PLTE',
      Buffer.from(palette.flatMap((colour) => [colour >>> 24, (colour >>> 16) & 255, (colour >>> 8) & 255])),
    ),
    chunk('tRNS', Buffer.from(palette.map((colour) => colour & 255))),
    chunk('IDAT', deflateSync(lines, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
