/** Readers of a history of large changes, each in a loop, while the roles are apart on a Redis. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Tally } from '../answers.ts';
import type { Attack, Drive, Size } from '../attack.ts';
import { fillHistory } from '../filling.ts';
import { get, RawConnection } from '../sockets.ts';

const CHANNEL = 'read';
const READERS = 20;
export const CHANGE_BYTES = 64 * 1024;
export const CHANGES = 500;
const SECONDS: Readonly<Record<Size, number>> = { small: 3, full: 20 };
/** A reader that is refused comes back after so long; who waits longer is no attacker. */
const AGAIN_MS = 20;

export interface Readers {
  readonly answers: Tally;
  stop(): void;
}

export function startReaders(gatewayUrl: string): Readers {
  const answers = new Tally();
  let isOver = false;
  const connections = Array.from({ length: READERS }, () => {
    const ask = () => !isOver && void connection.send(get(`/c/${CHANNEL}/history`));
    const connection = new RawConnection(gatewayUrl, {
      onAnswer({ status }) {
        answers.add(status);
        // The next as soon as this one begins: it is read behind it.
        if (status === 200) ask();
        else setTimeout(ask, AGAIN_MS);
      },
    });
    ask();
    return connection;
  });
  return {
    answers,
    stop() {
      isOver = true;
      for (const connection of connections) connection.close();
    },
  };
}

export const fillRead = ({ target }: Pick<Drive, 'target'>) =>
  fillHistory(target, CHANNEL, { events: CHANGES, bytes: CHANGE_BYTES });

export const historyReaders: Attack = {
  name: 'history-readers',
  promise: '20 readers of a history of large changes in a loop, Redis, roles apart: others notice little',
  store: 'apart',
  env: () => ({ MAX_CHANGE_BYTES: String(CHANGE_BYTES) }),
  holds: ['answers', 'batches'],
  prepare: fillRead,
  async drive({ target, size }) {
    const readers = startReaders(target.gatewayUrl);
    await sleep(SECONDS[size] * 1000);
    readers.stop();
    const faults = readers.answers.faults('GET /history', 200, 503, 429);
    if (readers.answers.of(200) === 0) faults.push('no history was read at all');
    return { figures: { answers: `${readers.answers}` }, faults };
  },
};
