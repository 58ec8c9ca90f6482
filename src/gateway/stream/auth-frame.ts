/** `$auth`: what a stream is told of its credentials (P32). */
import type { Channel } from '../../domain/channel.ts';
import type { ErrorCode } from '../../errors.ts';
import type { ControlFrame } from '../formats/format.ts';

/** Why one is not let in, as clients are told it; the codes are those of the problems that others get. */
const statuses = {
  unauthenticated: 'unauthenticated',
  invalid_token: 'invalid',
  token_expired: 'expired',
  token_revoked: 'revoked',
  session_ended: 'expired',
  bad_ticket: 'invalid',
  ticket_replaced: 'replaced',
  forbidden: 'forbidden',
  auth_unavailable: 'unavailable',
} as const satisfies Partial<Record<ErrorCode, string>>;

/** `revoked`: also of an open stream whose session was ended. */
type AuthStatus = (typeof statuses)[keyof typeof statuses];

/**
 * For who may be let in soon, by a session that was renewed or keys that can be had again; not all at once. An EventSource is back
 * within 45 s: 40, two until the connection is closed, and what connecting takes.
 */
const SOON_MS = 15_000;
const SOON_MORE_MS = 25_000;
/** For who has to change something first: another token, other channels. */
const LATE_MS = 3_600_000;
const late: readonly AuthStatus[] = ['invalid', 'forbidden', 'replaced'];

/** @returns undefined where it has nothing to do with who somebody is. */
export function authStatusOf(code: ErrorCode): AuthStatus | undefined {
  return Object.hasOwn(statuses, code) ? statuses[code as keyof typeof statuses] : undefined;
}

/** The last frame of a stream. */
export function endingAuthFrame(status: AuthStatus): ControlFrame {
  const retryMs = late.includes(status) ? LATE_MS : SOON_MS + Math.round(SOON_MORE_MS * Math.random());
  return { event: '$auth', data: { status }, retryMs };
}

export function expiringFrame(leftMs: number): ControlFrame {
  return { event: '$auth', data: { status: 'expiring', expiresInS: Math.floor(leftMs / 1000) } };
}

export function renewedFrame(leftMs: number): ControlFrame {
  return { event: '$auth', data: { status: 'renewed', expiresInS: Math.max(0, Math.floor(leftMs / 1000)) } };
}

/** The last frame of a stream, some of whose channels are not granted any more. */
export function narrowedFrame(channels: readonly Channel[]): ControlFrame {
  return { event: '$auth', data: { status: 'narrowed', channels }, retryMs: LATE_MS };
}
