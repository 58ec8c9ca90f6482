/** One POST of one change or several, and what its answer means (P5). Only 204 is a yes; whatever is not a clear no is unknown: the same again. */
import { meaningOf } from './answer.ts';
import type { Batch } from './batch.ts';
import type { Problem } from './contract.ts';
import { withinTime } from './time-limit.ts';
import { type RequestOptions, type TransportDeps, urlOf } from './transport.ts';

export type Outcome =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'rejected'; readonly problem: Problem }
  | { readonly kind: 'unauthorized' }
  | { readonly kind: 'unknown'; readonly retryMs?: number | undefined };

/** Mostly it takes milliseconds; and a browser has six connections to a host, which hung ones would keep. */
const TIMEOUT_MS = 10_000;

export interface PostDeps extends TransportDeps {
  readonly headers: () => Promise<Record<string, string>>;
}

/** @param ending Ends it; undefined for one that is to outlive the page. */
export async function post(
  { base, fetch, clock, headers }: PostDeps,
  { entries, body }: Batch,
  ending?: AbortSignal,
): Promise<Outcome> {
  const { channel, from, seq } = entries[0]!.change;
  const batch = entries[1] && '1';
  try {
    const own = await headers();
    return await withinTime(clock, TIMEOUT_MS, ending, async (signal) => {
      const init: RequestOptions = {
        method: 'POST',
        body: body as Uint8Array<ArrayBuffer>,
        headers: own,
        cache: 'no-store',
        redirect: own.authorization ? 'error' : 'follow',
        signal,
        // A page that goes does not end it; browsers refuse more than 64 KiB of these.
        keepalive: !ending,
      };
      return outcomeOf(await fetch(urlOf(base, channel, { from, seq: String(seq), batch }), init));
    });
  } catch {
    return { kind: 'unknown' };
  }
}

async function outcomeOf(response: Response): Promise<Outcome> {
  const { status } = response;
  if (status === 204) return { kind: 'accepted' };
  const { reason, problem = { code: `http_${status}`, status }, retryMs } = await meaningOf(response);
  if (reason === 'unauthorized') return { kind: 'unauthorized' };
  return status >= 400 && reason !== 'refused' ? { kind: 'rejected', problem } : { kind: 'unknown', retryMs };
}
