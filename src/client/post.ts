/** One POST of one change or several, and what its answer means (P5). Only 204 is a yes; whatever is not a clear no is unknown: the same again. */
import { meaningOf } from './answer.ts';
import type { Batch } from './batch.ts';
import { withinTime } from './time-limit.ts';
import { type Ending, initOf, type RequestOptions, type TransportDeps, urlOf } from './transport.ts';

/** Mostly it takes milliseconds; and a browser has six connections to a host, which hung ones would keep. */
const TIMEOUT_MS = 10_000;

export interface PostDeps extends TransportDeps {
  readonly headers: () => Promise<Record<string, string>>;
}

/**
 * @param ending Ends it; undefined for one that is to outlive the page.
 * @returns Undefined: it was accepted. `rejected`, with its problem, is a clear no, and `unauthorized` asks for another token.
 */
export async function post(
  { base, fetch, clock, headers }: PostDeps,
  { entries, body }: Batch,
  ending?: AbortSignal,
): Promise<Ending | undefined> {
  const { channel, from, seq } = entries[0]!.change;
  const batch = entries[1] && '1';
  try {
    const own = await headers();
    return await withinTime(clock, TIMEOUT_MS, ending, async (signal) => {
      const init: RequestOptions = {
        ...initOf(own, signal),
        method: 'POST',
        body: body as Uint8Array<ArrayBuffer>,
        // A page that goes does not end it; browsers refuse more than 64 KiB of these.
        keepalive: !ending,
      };
      return outcomeOf(await fetch(urlOf(base, channel, { from, seq, batch }), init));
    });
  } catch {
    return { reason: 'cut' };
  }
}

async function outcomeOf(response: Response): Promise<Ending | undefined> {
  const { status } = response;
  if (status === 204) return undefined;
  const ending = await meaningOf(response);
  if (status < 400) return { reason: 'refused', retryMs: ending.retryMs };
  if (ending.reason !== 'not-our-server') return ending;
  return { reason: 'rejected', problem: { code: `http_${status}`, status } };
}
