/** What is revoked, and how it is written: a page has all of a group, as JSON, and is read as data of a stranger. */

/** Either one token, or those of a `sub` that were issued before a time. */
export type RevocationWish = { readonly jti: string } | { readonly sub: string; readonly beforeS: number };

export interface Revocation {
  readonly kind: 'jti' | 'sub';
  /** The `jti` or the `sub`. */
  readonly name: string;
  /** Of a `sub`: tokens with an earlier `iat`, seconds since 1970. Of a `jti` 0. */
  readonly beforeS: number;
  /** From when on none can be in force that it concerns, milliseconds since 1970. */
  readonly untilMs: number;
}

const NAME_CHARACTERS_MAX = 255;

/** Whether tokens can have it as their `jti` or `sub` here. */
export function isRevocable(name: unknown): name is string {
  return typeof name === 'string' && name.length > 0 && name.length <= NAME_CHARACTERS_MAX;
}

export function revocationOf(wish: RevocationWish, untilMs: number): Revocation {
  return 'jti' in wish
    ? { kind: 'jti', name: wish.jti, beforeS: 0, untilMs }
    : { kind: 'sub', name: wish.sub, beforeS: wish.beforeS, untilMs };
}

/** The page with one more. Of what concerns the same, there is one, which has the later of both times. */
export function withRevocation(page: readonly Revocation[], one: Revocation): Revocation[] {
  const isSame = ({ kind, name }: Revocation) => kind === one.kind && name === one.name;
  const before = page.find(isSame);
  const later = (of: 'beforeS' | 'untilMs') => Math.max(one[of], before?.[of] ?? 0);
  return [...page.filter((each) => !isSame(each)), { ...one, beforeS: later('beforeS'), untilMs: later('untilMs') }];
}

export function writePage(page: readonly Revocation[]): string {
  return JSON.stringify(page.map(({ kind, name, beforeS, untilMs }) => [kind, name, beforeS, untilMs]));
}

/** What nobody can read is left out. @param nowMs By the wall clock: those that are over are left out as well. */
export function readPage(text: string | null, nowMs: number): Revocation[] {
  if (text === null) return [];
  let rows: unknown;
  try {
    rows = JSON.parse(text);
  } catch {
    return [];
  }
  if (!Array.isArray(rows)) return [];
  return rows.flatMap((row: unknown) => {
    if (!Array.isArray(row)) return [];
    const [kind, name, beforeS, untilMs] = row as unknown[];
    const isRight =
      (kind === 'jti' || kind === 'sub') && isRevocable(name) && Number.isFinite(beforeS) && Number.isFinite(untilMs);
    return isRight && (untilMs as number) > nowMs ? [{ kind, name, beforeS, untilMs } as Revocation] : [];
  });
}
