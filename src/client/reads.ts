/** Reads that are no stream: the state of a channel (P24, P45) and its history (P25). */
import { refusalOf } from './answer.ts';
import type { ChannelEvent, Snapshot } from './contract.ts';
import { type Envelope, eventOf, type StateBody, snapshotOf } from './envelope.ts';
import { ClientError } from './errors.ts';
import type { Tokens } from './token.ts';
import { type Query, readInit, type TransportDeps, urlOf } from './transport.ts';

export interface Reads {
  state(channel: string, options?: { fresh?: boolean }): Promise<Snapshot>;
  history(channel: string, options?: { since?: string; limit?: number }): AsyncIterable<ChannelEvent>;
}

interface Page {
  readonly cursor: string;
  readonly events: readonly Envelope[];
  readonly more: boolean;
}

/** P25. */
const PAGE_MAX = 500;
/** More than any channel keeps. */
const ALL = 1e9;

export interface ReadsDeps extends TransportDeps {
  readonly tokens: Tokens;
  readonly isOwn: (from?: string) => boolean;
  /** Aborted by `close`. */
  readonly signal: AbortSignal;
}

export function createReads({ base, fetch, tokens, isOwn, signal }: ReadsDeps): Reads {
  async function read<T>(path: string, query: Query): Promise<T> {
    const type = 'application/json';
    const response = await fetch(urlOf(base, path, query), readInit(await tokens.headers(), type, signal));
    const refusal = await refusalOf(response, type);
    if (!refusal) return response.json() as Promise<T>;
    throw new ClientError(refusal.reason, refusal.problem);
  }

  return {
    state: async (channel, { fresh } = {}) =>
      snapshotOf(channel, await read<StateBody>(`${channel}/state`, { fresh: fresh ? 1 : 0 })),
    async *history(channel, { since, limit: left = ALL } = {}) {
      for (let at = since, more = true; more && left > 0; ) {
        const page = await read<Page>(`${channel}/history`, { since: at, limit: Math.min(left, PAGE_MAX) });
        for (const event of page.events) yield eventOf(event, event.id!, channel, isOwn);
        left -= page.events.length;
        ({ cursor: at, more } = page);
      }
    },
  };
}
