/** What is kept of a ticket: what it opens, for whom, and who has it open now. As JSON, read as data of a stranger. */
import { type Channel, isChannel } from '../../domain/channel.ts';
import { ownOf } from '../grants.ts';
import { type Issued, issueIn } from '../revocable.ts';

/** With what is said of the token that it was made for; of a session's, that one's counts. */
export interface TicketRecord extends Issued {
  readonly channels: readonly Channel[];
  /** Whether what was before may be read. */
  readonly isPastOpen: boolean;
  /** The key of the session that it was made for, with which it ends. */
  readonly session: string | null;
  /** Another each time that it is taken; null until then. */
  readonly holder: string | null;
}

const KEY_CHARACTERS = 22;

export function writeTicket(record: TicketRecord): string {
  const { issuedS, ...rest } = record;
  return JSON.stringify({ ...rest, iat: issuedS });
}

/** @returns undefined where it is no such record. */
export function readTicket(text: string): TicketRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const of = (name: string) => ownOf(value, name);
  const [sub, expiresMs, channels, isPastOpen] = [of('sub'), of('expiresMs'), of('channels'), of('isPastOpen')];
  const [session, holder] = [of('session'), of('holder')];
  const isRight =
    typeof sub === 'string' &&
    typeof expiresMs === 'number' &&
    Number.isFinite(expiresMs) &&
    Array.isArray(channels) &&
    channels.every((channel) => typeof channel === 'string' && isChannel(channel)) &&
    typeof isPastOpen === 'boolean' &&
    isKeyOrNull(session) &&
    isKeyOrNull(holder);
  return isRight
    ? { sub, expiresMs, ...issueIn(value), channels: channels as Channel[], isPastOpen, session, holder }
    : undefined;
}

function isKeyOrNull(value: unknown): value is string | null {
  return value === null || (typeof value === 'string' && value.length === KEY_CHARACTERS);
}
