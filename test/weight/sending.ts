/** Many requests over few connections, each of which waits for an answer before it asks again, at a rate or as fast as it goes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Tally } from './answers.ts';
import { RawConnection } from './sockets.ts';

export interface Sending {
  readonly url: string;
  readonly count: number;
  readonly connections: number;
  /** As fast as it goes without. */
  readonly perS?: number;
  /** It ends by then, however many are left. */
  readonly timeoutMs: number;
  /** Sends what was answered 503 once more, until it is not. */
  readonly insists?: boolean;
  request(index: number): string | Buffer;
}

/** Also the pause before what was answered 503 is sent again. */
const TICK_MS = 5;

/** @returns What was answered. */
export async function sendAll(sending: Sending): Promise<Tally> {
  const { url, count, connections, perS = Number.POSITIVE_INFINITY, timeoutMs } = sending;
  const tally = new Tally();
  const startedMs = performance.now();
  let next = 0;
  const isLate = () => performance.now() - startedMs > timeoutMs;

  async function one(): Promise<void> {
    let answered: (status: number) => void = () => {};
    const connect = () =>
      new RawConnection(url, { onAnswer: ({ status }) => answered(status), onClose: () => answered(0) });
    let connection = connect();
    while (next < count && !isLate()) {
      if (next >= ((performance.now() - startedMs) * perS) / 1000) {
        await sleep(TICK_MS);
        continue;
      }
      const bytes = sending.request(next++);
      for (let isDone = false; !isDone && !isLate(); ) {
        if (connection.isClosed) connection = connect();
        const status = await new Promise<number>((resolve) => {
          answered = resolve;
          connection.socket.write(bytes);
        });
        tally.add(status);
        isDone = !sending.insists || (status !== 503 && status !== 0);
        if (!isDone) await sleep(10 * TICK_MS);
      }
    }
    connection.close();
  }

  await Promise.all(Array.from({ length: connections }, one));
  return tally;
}
