/**
 * The keys behind JWKS_URL: asked for when they are needed, and again when they are old or somebody names one that is not among them;
 * never oftener than once a minute, whatever came of the last time.
 *
 * While they cannot be had again the old ones stay. Who cannot be verified for want of any keys is told 503, never 401: a client
 * that is told 401 throws its token away.
 */
import type { Clock } from '../clock.ts';
import { Problem } from '../errors.ts';
import type { Logger } from '../log.ts';
import { fetchBounded } from './bounded-fetch.ts';
import { parseJwkSet } from './jwk-set.ts';
import type { Key, Keys } from './keys.ts';

/** With what a sweep of the cache is late, a key that was withdrawn is unknown after 300 s. */
const FRESH_MS = 240_000;
const AGAIN_MS = 60_000;
/** The same while there are none, and so everybody waits. */
const AGAIN_WITHOUT_MS = 5_000;

const UNAVAILABLE = 'The keys that tokens are verified with cannot be had now: send the very same request again.';

export interface RemoteKeysDeps {
  readonly url: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** They are others than before. */
  readonly onChange: () => void;
}

export interface RemoteKeys extends Keys {
  /** Asks for them before anybody waits. */
  warm(): void;
}

export function createRemoteKeys({ url, clock, log, onChange }: RemoteKeysDeps): RemoteKeys {
  let keys: readonly Key[] | null = null;
  let text = '';
  let triedMs = Number.NEGATIVE_INFINITY;
  let freshUntilMs = 0;
  let loading: Promise<void> | null = null;
  let isFailing = false;

  async function load(): Promise<void> {
    triedMs = clock.elapsedMs();
    try {
      const loaded = await fetchBounded(url);
      const parsed = parseJwkSet(loaded);
      if (parsed === undefined || parsed.length === 0) throw new Error('no JWK Set with a key that can verify');
      if (loaded !== text) onChange();
      [keys, text] = [parsed, loaded];
      freshUntilMs = clock.elapsedMs() + FRESH_MS;
      if (isFailing) log.warn('the keys of JWKS_URL can be had again');
      isFailing = false;
    } catch (error) {
      // What was verified a moment ago may be relied on until the next try.
      if (keys !== null) freshUntilMs = Math.max(freshUntilMs, clock.elapsedMs() + AGAIN_MS);
      if (!isFailing) log.warn({ reason: (error as Error).message }, 'the keys of JWKS_URL cannot be had');
      isFailing = true;
    }
  }

  async function reload(): Promise<void> {
    const againMs = keys === null ? AGAIN_WITHOUT_MS : AGAIN_MS;
    if (loading === null && clock.elapsedMs() - triedMs < againMs) return;
    loading ??= load().finally(() => {
      loading = null;
    });
    await loading;
  }

  /** The keys that fit: named by the token or, where it names none, all of its algorithm. */
  function fitting(alg: string, kid: string | undefined): Key[] {
    return (keys ?? []).filter((key) => key.alg === alg && (kid === undefined || key.kid === kid));
  }

  return {
    async find(alg, kid) {
      if (keys === null || clock.elapsedMs() >= freshUntilMs) await reload();
      if (fitting(alg, kid).length === 0) await reload();
      if (keys === null) throw new Problem('auth_unavailable', UNAVAILABLE);
      const [key, ...others] = fitting(alg, kid);
      return others.length === 0 ? key : undefined;
    },
    goodForMs: () => freshUntilMs - clock.elapsedMs(),
    warm: () => void reload(),
  };
}
