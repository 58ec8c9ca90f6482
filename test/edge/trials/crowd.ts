/** Thousands of streams of one channel, of one kind: opened some at a time, counted, closed together. */
import type { EdgeProcess } from '../../support/edge.ts';
import { type SseInit, SseReader } from '../../support/sse.ts';
import { waitFor } from '../../support/wait.ts';
import { oneConnection, open } from '../../support/wire.ts';

export const crowdKinds = ['http/1.1', 'http/1.1 in TLS', 'h2'] as const;
export type CrowdKind = (typeof crowdKinds)[number];

export interface Crowd {
  /** How many have begun, and how many events all of them have had. */
  readonly seen: { readonly syncs: number; readonly events: number };
  /** How many are over, whoever ended them. */
  ended(): number;
  close(): void;
}

/** As many as a listen queue takes without waiting. */
const AT_ONCE = 50;
const OPEN_TIMEOUT_MS = 60_000;

const headers = { Accept: 'text/event-stream' };

/** Resolves when every stream has begun. */
export async function openCrowd(kind: CrowdKind, edge: EdgeProcess, path: string, count: number): Promise<Crowd> {
  const seen = { syncs: 0, events: 0 };
  const readers: SseReader[] = [];
  const init: SseInit = {
    onFrame({ event, data }) {
      if (event === '$sync') seen.syncs++;
      // A heartbeat has no data.
      else if (event === 'message' && data !== undefined) seen.events++;
    },
  };
  const close = () => {
    for (const reader of readers) reader.close();
  };
  try {
    for (let opened = 0; opened < count; opened += AT_ONCE) {
      const some = Math.min(AT_ONCE, count - opened);
      readers.push(...(await openSome(kind, edge, path, some, init)));
      const wanted = opened + some;
      const what = () => `${wanted} streams; there are ${seen.syncs}`;
      await waitFor(() => seen.syncs === wanted, { what, timeoutMs: OPEN_TIMEOUT_MS });
    }
  } catch (error) {
    close();
    throw error;
  }
  return { seen, ended: () => readers.filter(({ isEnded }) => isEnded).length, close };
}

/** `h2` shares connections, the others have one each. */
function openSome(kind: CrowdKind, { plainUrl, tlsUrl }: EdgeProcess, path: string, count: number, init: SseInit) {
  const base = kind === 'http/1.1' ? plainUrl : tlsUrl;
  const openOne = async () =>
    new SseReader(await open(base, path, { headers, agent: kind === 'h2' ? undefined : oneConnection(base) }), init);
  return Promise.all(Array.from({ length: count }, openOne));
}
