/**
 * Publishers as P6 wants them, fast enough for a load: keep-alive connections, one unanswered change per (from, channel),
 * and whatever the outcome of a try is, the very same again until it is 204.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';

export interface Submission {
  readonly channel: string;
  /** Absent for one that nobody may repeat. */
  readonly from?: string;
  readonly seq?: number;
  readonly body: string;
  /** The body is several, of which `seq` is the first's (P41). */
  readonly isBatch?: boolean;
}

export interface Publisher extends AsyncDisposable {
  /** One try. Resolves with the status, rejects when there is no answer. */
  post(submission: Submission): Promise<number>;
  /** Resolves once it is accepted; rejects on a 4xx, and when it has been unknown for far too long. */
  deliver(submission: Submission): Promise<void>;
  /** Tries beyond the first of each change. */
  readonly repeats: number;
}

/** A frozen server is given up and asked again; far above what a busy one takes. */
const ANSWER_TIMEOUT_MS = 3_000;
/** A Redis or a merger that is killed is back within a few seconds. */
const DELIVER_TIMEOUT_MS = 30_000;
/** Shorter than Retry-After asks for: these tests want to meet the server while it recovers. */
const REPEAT_MS = 50;

export function createPublisher(url: string, connections = 64): Publisher {
  const pool = new Pool(url, {
    connections,
    pipelining: 1,
    headersTimeout: ANSWER_TIMEOUT_MS,
    bodyTimeout: ANSWER_TIMEOUT_MS,
  });
  let repeats = 0;

  async function post({ channel, from, seq, body, isBatch }: Submission): Promise<number> {
    const query = from === undefined ? '' : `?from=${from}&seq=${seq}${isBatch ? '&batch=1' : ''}`;
    const path = `/c/${channel}${query}`;
    const answer = await pool.request({ method: 'POST', path, body });
    await answer.body.dump();
    return answer.statusCode;
  }

  return {
    post,
    async deliver(submission) {
      const startedMs = performance.now();
      for (;;) {
        const outcome = await post(submission).catch((error: Error) => error);
        if (outcome === 204) return;
        if (typeof outcome === 'number' && outcome < 500) throw new Error(`answered ${outcome}`);
        if (performance.now() - startedMs > DELIVER_TIMEOUT_MS) {
          throw new Error(`not accepted within ${DELIVER_TIMEOUT_MS} ms`, { cause: outcome });
        }
        repeats++;
        await sleep(REPEAT_MS);
      }
    },
    get repeats() {
      return repeats;
    },
    [Symbol.asyncDispose]: () => pool.destroy(),
  };
}
