/** The room for others: a link, the device's own way of sharing, and a QR code to hold a phone in front of. */
import { encode } from 'uqr';
import { isThisMachine } from './address.ts';
import { byId, svgElement } from './elements.ts';

/** Modules of white around it, without which some cameras do not see it. */
const BORDER = 4;

function draw(svg: SVGElement, text: string): void {
  const { data, size } = encode(text, { ecc: 'M', border: BORDER });
  const path = data.flatMap((line, y) => line.flatMap((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : []))).join('');
  svg.setAttribute('viewBox', `0 0 ${size} ${size}`);
  svg.replaceChildren(
    svgElement('rect', { width: size, height: size, fill: '#fff' }),
    svgElement('path', { d: path, fill: '#000' }),
  );
}

/** @param room The one that is shown now. */
export function createShare(room: () => string): void {
  const dialog = byId<HTMLDialogElement>('share-dialog');
  const link = byId<HTMLInputElement>('share-link');
  const told = byId('share-told');
  const canShare = typeof navigator.share === 'function';
  byId('share-by-device').hidden = !canShare;
  byId('share-local').hidden = !isThisMachine();

  byId('share').addEventListener('click', () => {
    const url = new URL(`/#${room()}`, location.href).href;
    link.value = url;
    byId('share-title').textContent = `Share ${room()}`;
    told.textContent = '';
    draw(byId<SVGElement>('qr'), url);
    dialog.showModal();
  });
  byId('share-copy').addEventListener('click', async () => {
    link.select();
    try {
      await navigator.clipboard.writeText(link.value);
      told.textContent = 'Copied.';
    } catch {
      told.textContent = 'This browser does not let a page copy: the link is selected for you.';
    }
  });
  byId('share-by-device').addEventListener('click', () => {
    // Given up by the person, or not allowed: the link is still there.
    navigator.share({ title: 'smallchange', url: link.value }).catch(() => undefined);
  });
}
