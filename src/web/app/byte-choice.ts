/** Which byte a press sends: one of a few at hand, or one that is typed, for who has no keyboard. */
import { byId } from './elements.ts';

export interface ByteChoice {
  /** Chosen elsewhere. */
  show(text: string): void;
}

export function createByteChoice(chosen: (text: string) => void): ByteChoice {
  const set = byId('bytes');
  const other = byId<HTMLInputElement>('other-byte');
  const radios = [...set.querySelectorAll<HTMLInputElement>('input[type=radio]')];

  set.addEventListener('change', ({ target }) => {
    if (!(target instanceof HTMLInputElement) || target.type !== 'radio') return;
    other.value = '';
    chosen(target.value);
  });
  other.addEventListener('input', () => {
    // The last one typed takes the place of the one before it.
    const letter = [...other.value].at(-1);
    if (letter === undefined) return;
    show(letter);
    chosen(letter);
  });
  // Ready to be typed over.
  other.addEventListener('focus', () => other.select());

  function show(text: string): void {
    for (const radio of radios) radio.checked = radio.value === text;
    other.value = radios.some(({ checked }) => checked) ? '' : text;
  }

  return { show };
}
