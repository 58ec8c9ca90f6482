/** What came, for who hears the page: not each event, but a sentence now and then. */
import { byId } from './elements.ts';

const EVERY_MS = 5_000;

export interface Announcer {
  /** Somebody else's event. */
  heard(text: string, name: string): void;
}

export function createAnnouncer(): Announcer {
  const region = byId('said-events');
  let count = 0;
  let last = '';
  let isDue = false;

  function say(): void {
    region.textContent = count === 1 ? last : `${count} new. ${last}`;
    count = 0;
    isDue = false;
  }

  return {
    heard(text, name) {
      count++;
      last = `${name}: ${text}`;
      if (isDue) return;
      isDue = true;
      // The first is said at once.
      setTimeout(say, region.textContent === '' ? 0 : EVERY_MS);
    },
  };
}
