/** From a plain request to a change, or to nothing: what is wrong, or unusual, is for the route to tell. */
import type { Change } from '../domain/change.ts';
import { Problem } from '../errors.ts';
import type { PlainRequest } from '../http/plain-request.ts';
import { acceptChange } from './accept.ts';

const PREFIX = '/c/';

/** The query as clients write it; any other order, or more, is for the route. */
const queryPattern = /^from=([^&=]+)(?:&seq=([^&=]+))?$/;

export function readPlainChange(request: PlainRequest, maxChangeBytes: number, acceptedMs: number): Change | undefined {
  const { method, path, query, body } = request;
  if (!path.startsWith(PREFIX)) return undefined;
  const asked = query === '' ? noQuery : queryPattern.exec(query);
  if (asked === null) return undefined;
  const [, from, seq] = asked;
  try {
    const channel = path.slice(PREFIX.length);
    return acceptChange({ method, channel, from, seq, body, traceparent: undefined }, maxChangeBytes, acceptedMs);
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

const noQuery: readonly (string | undefined)[] = [];
