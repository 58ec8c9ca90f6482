/**
 * The operator's own backend, which says who somebody is that brings no token of ours (AUTH_URL). It is asked where a session is made and
 * nowhere else: never for a change or a stream, so a storm of those is none of it.
 *
 * It is sent the headers of AUTH_FORWARD, and nothing else of the request but where that comes from. 200 and the claims of a token, with
 * `expiresIn`, seconds, for `exp`: that is who it is. 401 and 403: it is not. Anything else is no answer, and 503.
 */
import { hash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { Problem } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { BackendQuestion, Principal } from './access.ts';
import { fetchAnswer } from './bounded-fetch.ts';
import { type ClaimRules, readClaims } from './claims.ts';
import { ownOf } from './grants.ts';
import { GrantedPrincipal, unauthenticated } from './principal.ts';
import { withoutSession } from './session-cookie.ts';

export interface BackendDeps {
  readonly url: string;
  /** Names of headers, in lower case. */
  readonly forward: readonly string[];
  readonly rules: ClaimRules;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'warn'>;
}

const TIMEOUT_MS = 1_000;
/** Questions under way. */
const AT_ONCE_MAX = 16;
/** For how long an answer is one to the same question. */
const GOOD_MS = 10_000;
const BAD_MS = 2_000;
/** The same for a renewal, which is another question; the tabs of a browser ask it in the same moment. */
const RENEWED_MS = 1_000;
const KEPT_MAX = 1_000;

const UNAVAILABLE = 'Who this is cannot be asked now: send the very same again.';
const FORBIDDEN = 'The backend of this server does not let this one in.';

interface Known {
  readonly answer: Promise<Principal>;
  /** By the elapsed clock; infinite while it is under way. */
  untilMs: number;
}

export function createBackend({ url, forward, rules, clock, log }: BackendDeps) {
  const known = new Map<string, Known>();
  let underWay = 0;
  let isFailing = false;

  /** Of each that it may be sent; a cookie of ours is not among them. */
  function forwarded(headers: BackendQuestion['headers']): Record<string, string> {
    const sent: Record<string, string> = {};
    for (const name of forward) {
      const value = [headers[name] ?? []].flat().join(', ');
      const told = name === 'cookie' ? withoutSession(value) : value;
      if (told !== '') sent[name] = told;
    }
    return sent;
  }

  function principalFrom(text: string): Principal {
    const claims: unknown = JSON.parse(text);
    if (typeof claims !== 'object' || claims === null) throw new Error('its answer is no object');
    const expiresIn = ownOf(claims, 'expiresIn');
    if (typeof expiresIn !== 'number' || !(expiresIn > 0)) throw new Error('its expiresIn is no time');
    const iat = clock.wallMs() / 1000;
    const own = { ...claims, iat, exp: iat + expiresIn, iss: rules.issuer ?? undefined, nbf: undefined };
    const { init } = readClaims(own, { ...rules, audience: null }, clock.wallMs());
    return new GrantedPrincipal({ ...init, isAsked: true });
  }

  async function put(headers: Record<string, string>, { origin, ip }: BackendQuestion): Promise<Principal> {
    const body = JSON.stringify({ method: 'session', channels: [], origin: origin ?? null, ip });
    const fields = { ...headers, 'content-type': 'application/json', accept: 'application/json' };
    const { status, text } = await fetchAnswer(url, { method: 'POST', headers: fields, body }, TIMEOUT_MS);
    if (status === 401) throw unauthenticated();
    if (status === 403) throw new Problem('forbidden', FORBIDDEN);
    if (status !== 200) throw new Error(`it answers ${status}`);
    return principalFrom(text);
  }

  async function ask(headers: Record<string, string>, question: BackendQuestion): Promise<Principal> {
    if (underWay >= AT_ONCE_MAX) throw new Problem('auth_unavailable', UNAVAILABLE);
    underWay++;
    try {
      const principal = await put(headers, question);
      isFailing = false;
      return principal;
    } catch (error) {
      if (error instanceof Problem) throw error;
      // Of a JSON that is none the error has a part.
      const reason = error instanceof SyntaxError ? 'its answer is no JSON' : (error as Error).message;
      if (!isFailing) log.warn({ reason }, 'AUTH_URL does not say who somebody is');
      isFailing = true;
      throw new Problem('auth_unavailable', UNAVAILABLE);
    } finally {
      underWay--;
    }
  }

  function keep(key: string, answer: Promise<Principal>, isRenewal: boolean): void {
    const one: Known = { answer, untilMs: Number.POSITIVE_INFINITY };
    known.set(key, one);
    const until = (ms: number) => {
      one.untilMs = clock.elapsedMs() + ms;
    };
    answer.then(
      () => until(isRenewal ? RENEWED_MS : GOOD_MS),
      () => until(isRenewal ? RENEWED_MS : BAD_MS),
    );
    if (known.size > KEPT_MAX) known.delete(known.keys().next().value!);
  }

  /** @throws {Problem} 401, 403 or 503 */
  return async (question: BackendQuestion): Promise<Principal> => {
    const headers = forwarded(question.headers);
    if (Object.keys(headers).length === 0) throw unauthenticated();
    const key = hash(
      'sha256',
      JSON.stringify([headers, question.origin, question.ip, question.isRenewal]),
      'base64url',
    );
    const found = known.get(key);
    if (found !== undefined && clock.elapsedMs() < found.untilMs) return found.answer;
    known.delete(key);
    const answer = ask(headers, question);
    keep(key, answer, question.isRenewal);
    return answer;
  };
}
