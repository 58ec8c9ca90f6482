/**
 * When a stream ends by itself, and why: at its age (P22) or when its token has expired (P32), of which it is told some time before.
 *
 * There is one deadline, and what is to be done at it. Whoever would be too old only after it was told of its expiry is left to that.
 */
import type { Identity } from '../../access/access.ts';

/** What is due: it comes back because of its age, it is told that it will expire, it has expired. */
export type Due = 'age' | 'expiring' | 'expired';

export interface Leaver {
  identity: Identity | null;
  /** By the elapsed clock, in whole milliseconds; 0: never. */
  leavesMs: number;
  leavesFor: Due;
}

/** Time enough to get a new token; of a short one a third. */
const WARNING_MAX_MS = 60_000;
const WARNING_PART = 1 / 3;

/** @param ageMs When it is too old, by the elapsed clock; 0: never. @param wallMs Now, as `exp` is. */
export function setDeadline(stream: Leaver, ageMs: number, nowMs: number, wallMs: number): void {
  const leftMs = leftOf(stream, wallMs);
  const warnedMs = nowMs + leftMs - Math.min(WARNING_MAX_MS, leftMs * WARNING_PART);
  const isExpiring = leftMs < Number.POSITIVE_INFINITY && (ageMs === 0 || warnedMs < ageMs);
  stream.leavesMs = isExpiring ? Math.ceil(warnedMs) : ageMs;
  stream.leavesFor = isExpiring ? 'expiring' : 'age';
}

/**
 * After `exp` has moved. When it would have been too old is not kept: it is drawn anew, in the one way (memoryless) in which streams stay
 * as long on average, however often they are renewed.
 *
 * @param maxAgeMs At about which age it is too old; 0: never.
 * @returns Whether something is due earlier than it was.
 */
export function moveDeadline(stream: Leaver, maxAgeMs: number, nowMs: number, wallMs: number): boolean {
  const before = stream.leavesMs;
  const isOfAge = stream.leavesFor === 'age' && before > 0;
  const drawnMs = maxAgeMs === 0 ? 0 : Math.ceil(nowMs - maxAgeMs * Math.log(1 - Math.random()));
  setDeadline(stream, isOfAge ? before : drawnMs, nowMs, wallMs);
  return stream.leavesMs > 0 && (before === 0 || stream.leavesMs < before);
}

/** From the warning to the end. @returns How long that is, milliseconds. */
export function setExpiry(stream: Leaver, nowMs: number, wallMs: number): number {
  const leftMs = leftOf(stream, wallMs);
  stream.leavesMs = Math.ceil(nowMs + leftMs);
  stream.leavesFor = 'expired';
  return leftMs;
}

function leftOf({ identity }: Leaver, wallMs: number): number {
  return Math.max(0, (identity?.expiresMs ?? Number.POSITIVE_INFINITY) - wallMs);
}
