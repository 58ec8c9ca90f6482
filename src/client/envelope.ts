/** Events and states as the server writes them (P16, P23, P24), and as the app gets them. */
import { fromBase64 } from './bytes.ts';
import type { ChannelEvent, Snapshot } from './contract.ts';

export interface Envelope {
  readonly id?: string;
  readonly channel?: string;
  readonly from?: string;
  readonly seq?: number;
  readonly at?: number;
  readonly data?: string;
  readonly b64?: string;
  /** There is nothing of it any more (P43). */
  readonly erased?: true;
}

/** The fields that are always asked for. */
export const WITH = 'from,seq,at';

export function eventOf(
  envelope: Envelope,
  id: string,
  channel: string,
  isOwn: (from?: string) => boolean,
): ChannelEvent {
  const { data, b64, ...others } = envelope;
  return { ...others, channel, id, data: data ?? fromBase64(b64 ?? ''), own: isOwn(envelope.from) };
}

export interface StateBody {
  readonly channel?: string;
  readonly cursor: string;
  readonly state?: Record<string, string>;
  readonly b64?: Record<string, string>;
  readonly snapshotUrl?: string;
}

export function snapshotOf(channel: string, { cursor, state = {}, b64 = {} }: StateBody): Snapshot {
  const binary = Object.fromEntries(Object.entries(b64).map(([field, text]) => [field, fromBase64(text)]));
  return { channel, cursor, state: { ...state, ...binary } };
}
