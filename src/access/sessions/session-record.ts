/** What is kept of a session: who it stands for, until when, and what that one may do. As JSON, read as data of a stranger. */

import { type Grants, ownOf, parseGrants } from '../grants.ts';
import type { PrincipalInit } from '../principal.ts';
import { type Issued, issuedOf, issueIn } from '../revocable.ts';

/** With what is said of the token that it was made for. */
export interface SessionRecord extends Issued {
  /** Another after each renewal; a whole number from 1 on. */
  readonly stamp: number;
  readonly grants: Grants;
  readonly names: ReadonlySet<string>;
  /** It is the operator's backend that was asked who it is. */
  readonly isAsked: boolean;
}

/** Below 2³¹. */
const STAMPS = 0x7fff_fffe;

export function newStamp(): number {
  return 1 + Math.floor(Math.random() * STAMPS);
}

export function recordOf({ identity, grants, names, isAsked = false }: PrincipalInit): SessionRecord {
  return { ...issuedOf(identity), stamp: newStamp(), grants, names, isAsked };
}

export function writeRecord({ grants, names, issuedS, isAsked, ...rest }: SessionRecord): string {
  const [name, ...others] = names;
  const { publish, subscribe, history } = grants;
  const lists = { publish: publish.entries, subscribe: subscribe.entries };
  const grant = { ...lists, ...(history !== subscribe && { history: history.entries }), name, names: others };
  return JSON.stringify({ ...rest, iat: issuedS, grant, ...(isAsked && { isAsked }) });
}

/** @returns undefined where it is no such record. */
export function readRecord(text: string): SessionRecord | undefined {
  const value = objectOf(text);
  if (value === undefined) return undefined;
  const [sub, expiresMs, stamp] = ['sub', 'expiresMs', 'stamp'].map((name) => ownOf(value, name));
  if (typeof sub !== 'string' || sub === '' || typeof expiresMs !== 'number' || !Number.isFinite(expiresMs)) {
    return undefined;
  }
  if (typeof stamp !== 'number' || !Number.isInteger(stamp) || stamp < 1 || stamp > STAMPS) return undefined;
  const grants = parseGrants(ownOf(value, 'grant'));
  if (typeof grants === 'string' || grants.name === undefined) return undefined;
  const names = new Set([grants.name, ...grants.names]);
  return { sub, expiresMs, ...issueIn(value), stamp, grants, names, isAsked: ownOf(value, 'isAsked') === true };
}

function objectOf(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
