/** The coin: a press sends the chosen byte, and so does any key, which becomes the chosen one. */
import { byId } from './elements.ts';

export interface Coin {
  choose(text: string): void;
  show(room: string | undefined): void;
  setPending(count: number): void;
}

export interface CoinDeps {
  readonly send: (text: string) => void;
  readonly chosen: (text: string) => void;
  /** Keys can be switched off (WCAG 2.1.4): who speaks to the device presses keys without knowing. */
  readonly hearsKeys: () => boolean;
}

const TYPING = 'input:not([type=radio]):not([type=checkbox]), textarea, select';
const CONTROL = 'button, input, select, summary, a';
const PRESSED_MS = 120;

export function createCoin({ send, chosen, hearsKeys }: CoinDeps): Coin {
  const coin = byId<HTMLButtonElement>('coin');
  const face = byId('coin-byte');
  const hint = byId('coin-hint');
  const outbox = byId('outbox');
  let byte = 'x';
  let room: string | undefined;

  const visible = () => (byte === ' ' ? '␣' : byte);

  function draw(): void {
    face.textContent = visible();
    coin.disabled = room === undefined;
    coin.setAttribute('aria-label', room === undefined ? 'Send one byte' : `Send ${visible()} to ${room}`);
    hint.textContent = room === undefined ? 'You are in no room.' : `One press, one byte to ${room}.`;
  }

  function choose(text: string): void {
    byte = text;
    draw();
  }

  function press(): void {
    if (room === undefined) return;
    coin.classList.add('down');
    setTimeout(() => coin.classList.remove('down'), PRESSED_MS);
    send(byte);
  }

  coin.addEventListener('click', press);
  document.addEventListener('keydown', (event) => {
    const { key, target } = event;
    const isKey = [...key].length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing;
    if (!isKey || event.repeat || !hearsKeys() || document.querySelector('dialog[open]')) return;
    const at = target instanceof Element ? target : document.body;
    if (at.matches(TYPING) || (key === ' ' && at.matches(CONTROL))) return;
    event.preventDefault();
    choose(key);
    chosen(key);
    press();
  });
  draw();

  return {
    choose,
    show(next) {
      room = next;
      draw();
    },
    setPending(count) {
      outbox.textContent = count === 0 ? '' : `${count} ${count === 1 ? 'waits' : 'wait'} to be sent`;
    },
  };
}
