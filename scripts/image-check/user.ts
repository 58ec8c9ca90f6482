/** Somebody who may nothing: as root the steps are performed as another user, as anybody else as oneself. */
import { chownSync } from 'node:fs';

/** Debian's `nobody`; stands for the number in the Dockerfile, which no machine knows either. */
const NOBODY = 65_534;

export interface User {
  /** For `spawn`. */
  readonly ids: { readonly uid: number; readonly gid: number } | Record<string, never>;
  own(path: string): void;
}

export function unprivileged(): User {
  const isRoot = process.getuid?.() === 0;
  if (!isRoot) return { ids: {}, own: () => undefined };
  return { ids: { uid: NOBODY, gid: NOBODY }, own: (path) => chownSync(path, NOBODY, NOBODY) };
}
