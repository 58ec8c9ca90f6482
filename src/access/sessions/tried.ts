/** What reads, and writes only if nothing has changed since: again where somebody else was faster, but not for ever. */
import { EngineUnavailable } from '../../errors.ts';

const TRIES_MAX = 8;

/** @param once undefined where somebody else was faster. @throws {EngineUnavailable} */
export async function tried<T>(what: string, once: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const done = await once();
    if (done !== undefined) return done;
  }
  throw new EngineUnavailable(`${what} written by too many at once`);
}
