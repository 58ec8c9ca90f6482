/** A change as somebody can read it: what is invisible has a sign, what is not text is shown as hexadecimal bytes, what is long is cut. */

const TEXT_MAX = 160;
const BYTES_MAX = 24;

const hex = (byte: number) => byte.toString(16).padStart(2, '0');

export function visibleText(data: string | Uint8Array): string {
  if (typeof data !== 'string') {
    const shown = Array.from(data.subarray(0, BYTES_MAX), hex).join(' ');
    return data.length > BYTES_MAX ? `${shown} …` : shown;
  }
  const letters = [...data];
  const shown = letters.slice(0, TEXT_MAX).join('');
  const signed = shown
    .replaceAll('\n', '⏎')
    .replaceAll('\t', '⇥')
    .replace(/^ +$/, (blank) => '␣'.repeat(blank.length));
  return letters.length > TEXT_MAX ? `${signed}…` : signed;
}
