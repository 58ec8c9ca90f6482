/** Connections that ask for large answers and never take a byte of them: their server closes them in the end (P21). */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Attack, Drive, Size } from '../attack.ts';
import { fillHistory } from '../filling.ts';
import { whileMoving } from '../moving.ts';
import { get, RawConnection } from '../sockets.ts';

const CHANNEL = 'unread';
const CONNECTIONS: Readonly<Record<Size, number>> = { small: 60, full: 1_000 };
/** Of about 1 MiB: more than what the kernel takes in their place, some 10 MiB at both ends together. */
const ANSWERS_EACH = 16;
const STALL_MS: Readonly<Record<Size, number>> = { small: 2_000, full: 5_000 };
const APART_MS = 5;

function attack(store: Attack['store']): Attack {
  return {
    name: `unread-answers-${store}`,
    promise: '1,000 connections that never read the answers they asked for are closed after STREAM_STALL_MS',
    store,
    isVariant: store === 'redis',
    env: (size) => ({ STREAM_STALL_MS: String(STALL_MS[size]) }),
    holds: ['answers'],
    prepare: ({ target }) => fillHistory(target, CHANNEL),
    drive,
  };
}

async function drive({ target, size }: Drive) {
  const connections: RawConnection[] = [];
  const answers = new Map<RawConnection, number>();
  for (let i = 0; i < CONNECTIONS[size]; i++) {
    const onAnswer = () => answers.set(connection, (answers.get(connection) ?? 0) + 1);
    const connection = new RawConnection(target.gatewayUrl, { isPaused: true, onAnswer });
    connections.push(connection);
    void connection.send(get(`/c/${CHANNEL}/history`).repeat(ANSWERS_EACH));
    await sleep(APART_MS);
  }
  // A socket that is not read is not told that it was closed: what is written to it is.
  const isGone = ({ isClosed, socket }: RawConnection) => isClosed || !socket.write('\r\n');
  const closed = () => connections.filter(isGone).length;
  const gone = await whileMoving(closed, connections.length);
  // Where much was unread already answers are short: so the kernels may have taken all that were asked for, and nothing is owed.
  const left = connections.filter(({ isClosed }) => !isClosed);
  for (const connection of left) connection.read();
  const owed = () => left.filter((each) => !each.isClosed && (answers.get(each) ?? 0) < ANSWERS_EACH).length;
  await whileMoving(() => -owed(), 0);
  const unanswered = owed();
  for (const connection of connections) connection.close();
  const faults = unanswered === 0 ? [] : [`${unanswered} of ${connections.length} were neither closed nor answered`];
  return { figures: { connections: connections.length, closed: gone, answered: left.length - unanswered }, faults };
}

export const unreadAnswers: readonly Attack[] = [attack('memory'), attack('redis')];
