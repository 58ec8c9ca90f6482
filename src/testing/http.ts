/** The `fetch` of the fake server: which request is for what, and what a test makes of it instead. */
import type { ClientClock } from '../client/clock.ts';
import { isFrom, parseSeq } from '../domain/change.ts';
import { isChannel } from '../domain/channel.ts';
import { createReducerFor } from '../merger/reducers/patterns.ts';
import { history, problem, state } from './answers.ts';
import { bytesFrom, Log, placesOf, type Submitted } from './log.ts';
import { createStream, LIMITS, type Stream } from './streams.ts';

export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Headers;
  /** Undefined while it has no answer. */
  status?: number;
}

export interface Refusal {
  /** Default: until `accept`. */
  readonly times?: number;
  /** Default all. */
  readonly of?: 'changes' | 'reads';
  /** Seconds. */
  readonly retryAfter?: number;
  /** Of the problem, as P1. */
  readonly code?: string;
}

const lost = () => new TypeError('network error');

export function createFakeHttp(clock: ClientClock, reducers: Readonly<Record<string, string>>) {
  const reducerFor = createReducerFor(Object.entries(reducers).map(([pattern, reducer]) => ({ pattern, reducer })));
  const logs = new Map<string, Log>();
  const streams = new Set<Stream>();
  const requests: SeenRequest[] = [];
  let refusals: { status: number; left: number; refusal: Refusal }[] = [];
  let isOffline = false;
  let answersToLose = 0;

  function logOf(channel: string): Log {
    const log = logs.get(channel) ?? new Log(channel, reducerFor(channel));
    logs.set(channel, log);
    return log;
  }

  async function merge(channel: string, changes: readonly Submitted[]): Promise<void> {
    for (const change of changes) await logOf(channel).merge(change, clock.wallMs());
    for (const stream of streams) stream.pump();
  }

  async function take(channel: string, query: URLSearchParams, body: Uint8Array): Promise<Response> {
    const from = query.get('from') ?? '';
    const seq = parseSeq(query.get('seq') ?? '') ?? 0;
    if (body.length === 0) return problem(400, 'empty_change');
    if (query.has('from') && !isFrom(from)) return problem(400, 'bad_from');
    if (query.has('seq') && seq === 0) return problem(400, 'bad_seq');
    if (seq > 0 && from === '') return problem(400, 'seq_without_from');
    const lines = () => new TextDecoder().decode(body).split('\n').filter(Boolean);
    const bodies = query.get('batch') === '1' ? lines().map((line) => bytesFrom(JSON.parse(line) as string)) : [body];
    if (bodies.some(({ length }) => length > LIMITS.maxChangeBytes)) return problem(413, 'change_too_large');
    await merge(
      channel,
      bodies.map((bytes, i) => ({ from, seq: seq && seq + i, bytes })),
    );
    if (answersToLose === 0) return new Response(null, { status: 204 });
    answersToLose--;
    throw lost();
  }

  function listen(channels: readonly string[], query: URLSearchParams, signal: AbortSignal): Response {
    const all = channels.map(logOf);
    const places = placesOf(query.get('since') ?? '', all);
    const stream = createStream({ logs: all, places, query, clock, signal, closed: () => streams.delete(stream) });
    streams.add(stream);
    return stream.response;
  }

  function refused(method: string): Response | undefined {
    const kind = method === 'POST' ? 'changes' : 'reads';
    const found = refusals.find(({ left, refusal }) => left > 0 && (refusal.of ?? kind) === kind);
    if (!found) return undefined;
    found.left--;
    const { code = `http_${found.status}`, retryAfter } = found.refusal;
    return problem(found.status, code, retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) });
  }

  async function route(method: string, url: URL, body: Uint8Array, signal: AbortSignal): Promise<Response> {
    const [, c, names = '', what = ''] = url.pathname.split('/');
    const channels = decodeURIComponent(names).split(',');
    if (c !== 'c' || !['', 'events', 'state', 'history'].includes(what)) return problem(404, 'not_found');
    if (!channels.every(isChannel)) return problem(400, 'bad_channel');
    const query = url.searchParams;
    const channel = channels[0]!;
    if (what === '') return method === 'POST' ? take(channel, query, body) : problem(405, 'method_not_allowed');
    if (what === 'events') return listen(channels, query, signal);
    if (what === 'state') return state(logOf(channel));
    const [place] = placesOf(query.get('since') ?? 'earliest', [logOf(channel)]);
    return history(logOf(channel), place!, Number(query.get('limit') ?? 500));
  }

  async function answer(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const request = new Request(input, init);
    const url = new URL(request.url);
    const seen: SeenRequest = { method: request.method, path: url.pathname + url.search, headers: request.headers };
    requests.push(seen);
    const body = new Uint8Array(await request.arrayBuffer());
    if (isOffline) throw lost();
    const response =
      refused(request.method) ?? (await route(request.method, url, body, init?.signal ?? request.signal));
    if (init?.signal?.aborted) throw init.signal.reason;
    seen.status = response.status;
    return response;
  }

  const cut = () => {
    for (const stream of streams) stream.cut();
  };

  return {
    fetch: answer as typeof fetch,
    requests: requests as readonly SeenRequest[],
    streams: streams as ReadonlySet<Stream>,
    logs: logs as ReadonlyMap<string, Log>,
    logOf,
    merge,
    refuse(status: number, refusal: Refusal = {}) {
      refusals.push({ status, left: refusal.times ?? Number.POSITIVE_INFINITY, refusal });
    },
    accept() {
      refusals = [];
      isOffline = false;
    },
    offline() {
      isOffline = true;
      cut();
    },
    loseAnswers(times = 1) {
      answersToLose = times;
    },
    cut,
  };
}
