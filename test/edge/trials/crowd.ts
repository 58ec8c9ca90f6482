/** Thousands of streams of one channel, of one kind: opened some at a time, counted, closed together. */
import { type ClientHttp2Session, connect } from 'node:http2';
import { Readable } from 'node:stream';
import type { EdgeProcess } from '../../support/edge.ts';
import { type SseInit, SseReader } from '../../support/sse.ts';
import { trusted } from '../../support/trust.ts';
import { waitFor } from '../../support/wait.ts';
import { oneConnection, open } from '../../support/wire.ts';

export const crowdKinds = ['http/1.1', 'http/1.1 in TLS', 'h2'] as const;
export type CrowdKind = (typeof crowdKinds)[number];

export interface Crowd {
  /** How many have begun, and how many events all of them have had. */
  readonly seen: { readonly syncs: number; readonly events: number };
  close(): void;
}

/** Of one connection of HTTP/2: what a proxy of many users, or a machine with many tabs, has. */
export const STREAMS_PER_CONNECTION = 50;
/** As many as a listen queue takes without waiting. */
const AT_ONCE = 50;
const OPEN_TIMEOUT_MS = 60_000;

const headers = { Accept: 'text/event-stream' };

/** Resolves when every stream has begun. */
export async function openCrowd(kind: CrowdKind, edge: EdgeProcess, path: string, count: number): Promise<Crowd> {
  const seen = { syncs: 0, events: 0 };
  const closers: (() => void)[] = [];
  const init: SseInit = {
    onFrame({ event }) {
      if (event === '$sync') seen.syncs++;
      else if (event === 'message') seen.events++;
    },
  };
  const close = () => {
    for (const each of closers) each();
  };
  try {
    for (let opened = 0; opened < count; opened += AT_ONCE) {
      const some = Math.min(AT_ONCE, count - opened);
      closers.push(...(kind === 'h2' ? shared(edge, path, some, init) : await single(kind, edge, path, some, init)));
      const wanted = opened + some;
      const what = () => `${wanted} streams; there are ${seen.syncs}`;
      await waitFor(() => seen.syncs === wanted, { what, timeoutMs: OPEN_TIMEOUT_MS });
    }
  } catch (error) {
    close();
    throw error;
  }
  return { seen, close };
}

/** A connection for each. */
function single(kind: CrowdKind, { plainUrl, tlsUrl }: EdgeProcess, path: string, count: number, init: SseInit) {
  const base = kind === 'http/1.1' ? plainUrl : tlsUrl;
  const openOne = async () => {
    const reader = new SseReader(await open(base, path, { headers, agent: oneConnection(base) }), init);
    return () => reader.close();
  };
  return Promise.all(Array.from({ length: count }, openOne));
}

/** As many connections as it takes; node:http2, because undici has its own mind about how many streams go on one. */
function shared({ tlsUrl }: EdgeProcess, path: string, count: number, init: SseInit) {
  let session: ClientHttp2Session | undefined;
  return Array.from({ length: count }, (_, i) => {
    if (i % STREAMS_PER_CONNECTION === 0) session = connect(tlsUrl, { ca: trusted().ca });
    const body = session!.request({ ':path': path, accept: headers.Accept });
    const reader = new SseReader({ status: 200, headers: {}, body: Readable.from(body), localPort: undefined }, init);
    const mine = session!;
    return () => {
      reader.close();
      mine.destroy();
    };
  });
}
