/** Makes the icons of the app at `/` of their drawings, by a Chromium: `npm run web:icons`. To be run when a drawing was changed. */
import { readFileSync, writeFileSync } from 'node:fs';
import { startChromium } from '../../test/support/chromium.ts';
import { indexedPng } from './indexed-png.ts';

const folder = new URL('../../src/web/app/icons/', import.meta.url);
const ICONS = [
  { drawing: 'icon.svg', made: 'icon-192.png', size: 192 },
  { drawing: 'icon.svg', made: 'icon-512.png', size: 512 },
  { drawing: 'icon-maskable.svg', made: 'icon-maskable-512.png', size: 512 },
];

/** Run in the page: the pixels of a drawing, as base64. */
const pixelsOf = (svg: string, size: number) => `(async () => {
  const image = new Image(${size}, ${size});
  image.src = 'data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}';
  await image.decode();
  const canvas = Object.assign(document.createElement('canvas'), { width: ${size}, height: ${size} });
  const context = canvas.getContext('2d');
  context.drawImage(image, 0, 0, ${size}, ${size});
  const { data } = context.getImageData(0, 0, ${size}, ${size});
  const blob = new Blob([data]);
  const url = await new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.readAsDataURL(blob);
  });
  return url.slice(url.indexOf(',') + 1);
})()`;

await using browser = await startChromium({});
for (const { drawing, made, size } of ICONS) {
  const svg = readFileSync(new URL(drawing, folder), 'utf8');
  const pixels = Buffer.from(await browser.evaluate<string>(pixelsOf(svg, size)), 'base64');
  writeFileSync(new URL(made, folder), indexedPng(pixels, size));
}
