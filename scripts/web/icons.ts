/** Makes the icons of the app at `/` of their drawings, by a Chromium: `npm run web:icons`. To be run when a drawing was changed. */
import { readFileSync, writeFileSync } from 'node:fs';
import { startChromium } from '../../test/support/chromium.ts';

const folder = new URL('../../src/web/app/icons/', import.meta.url);
const ICONS = [
  { drawing: 'icon.svg', made: 'icon-192.png', size: 192 },
  { drawing: 'icon.svg', made: 'icon-512.png', size: 512 },
  { drawing: 'icon-maskable.svg', made: 'icon-maskable-512.png', size: 512 },
];

await using browser = await startChromium({});
for (const { drawing, made, size } of ICONS) {
  const svg = readFileSync(new URL(drawing, folder)).toString('base64');
  const html = `<style>body{margin:0}img{display:block}</style><img src="data:image/svg+xml;base64,${svg}" width=${size} height=${size}>`;
  const metrics = { width: size, height: size, deviceScaleFactor: 1, mobile: false };
  await browser.command('Emulation.setDeviceMetricsOverride', metrics);
  await browser.command('Emulation.setDefaultBackgroundColorOverride', { color: { r: 0, g: 0, b: 0, a: 0 } });
  await browser.open(`data:text/html,${encodeURIComponent(html)}`);
  await browser.evaluate('document.images[0].decode()');
  const { data } = (await browser.command('Page.captureScreenshot', { format: 'png' })) as { data: string };
  writeFileSync(new URL(made, folder), Buffer.from(data, 'base64'));
}
