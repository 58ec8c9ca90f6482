/** Requests with a method that nobody here knows, behind each other: each is 405, and none is worth a line of log. */

import { waitFor } from '../../support/wait.ts';
import { Tally } from '../answers.ts';
import type { Attack, Drive, Size } from '../attack.ts';
import { RawConnection } from '../sockets.ts';

const REQUESTS: Readonly<Record<Size, number>> = { small: 1_000, full: 50_000 };
const ANSWERED_MS = 60_000;
/** Lines of a start and an end, some warnings; at 1,248 bytes a request it would be 1.2 MB and more. */
const LOG_BYTES = 32 * 1024;

async function drive({ target, size }: Drive) {
  const tally = new Tally();
  const connection = new RawConnection(target.bucketUrl, { onAnswer: ({ status }) => tally.add(status) });
  const paths = ['/c/x', '/c/x/events', '/nope'];
  for (let i = 0; i < REQUESTS[size] && !connection.isClosed; i++) {
    await connection.send(`QUERY ${paths[i % paths.length]} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  }
  const isOver = () => tally.total >= REQUESTS[size] || connection.isClosed;
  await waitFor(isOver, { timeoutMs: ANSWERED_MS, what: 'all answers' }).catch(() => {});
  connection.close();
  const faults = tally.faults('QUERY', 404, 405, 503);
  if (tally.total === 0) faults.push('nothing was answered');
  return { figures: { answered: `${tally}` }, faults };
}

export const methodFlood: Attack = {
  name: 'method-flood',
  isVariant: true,
  promise: '50,000 QUERY requests are 405 each, without an error in the log',
  store: 'memory',
  holds: ['answers'],
  logBytes: LOG_BYTES,
  drive,
};
