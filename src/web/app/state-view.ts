/**
 * The connection's state on the screen. It is read out when it changes, and not when it passes by: what is over in a moment is not said.
 */
import type { Status } from '../../client/client.ts';
import { isThisMachine } from './address.ts';
import { byId } from './elements.ts';
import { stateWords } from './state-words.ts';

const SETTLED_MS = 800;

export interface StateView {
  show(status: Status, pending: number): void;
}

export function createStateView(retry: () => void): StateView {
  const box = byId('state');
  const said = byId('said-state');
  let last: readonly [Status, number] = [{ state: 'connecting' }, 0];
  let saying: ReturnType<typeof setTimeout> | undefined;

  function draw(): void {
    const { tone, words, detail, mayRetry } = stateWords(last[0], navigator.onLine || isThisMachine(), last[1]);
    box.dataset.tone = tone;
    byId('state-words').textContent = words;
    byId('state-detail').textContent = detail;
    byId('banner').hidden = detail === '';
    byId('retry').hidden = !mayRetry;
    clearTimeout(saying);
    saying = setTimeout(() => {
      const text = `${words}. ${detail}`;
      if (said.textContent !== text) said.textContent = text;
    }, SETTLED_MS);
  }

  byId('retry').addEventListener('click', retry);
  addEventListener('online', draw);
  addEventListener('offline', draw);
  return {
    show(...next) {
      last = next;
      draw();
    },
  };
}
