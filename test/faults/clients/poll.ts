/** The reader that polls: `format=json&wait=`, one request after the other, each from where the last one ended (P18). */
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from '../../support/http.ts';
import { type Envelope, eventsPath, Notes, type Reader, type ReaderOptions } from './reader.ts';

interface Answer {
  readonly cursor: string;
  readonly status: string;
  readonly events: readonly (Envelope & { readonly id: string })[];
  readonly snapshots?: readonly { readonly cursor: string }[];
}

const WAIT_S = 2;
/** The server answers after WAIT_S at the latest; the rest is for a slow network. */
const TIMEOUT_MS = 6_000;

export function startPoll(options: ReaderOptions): Reader {
  const notes = new Notes(options);
  const stopping = new AbortController();

  async function once(): Promise<void> {
    const since = notes.cursor === '' ? '' : `&since=${notes.cursor}`;
    const path = eventsPath(options.channels, `&format=json&wait=${WAIT_S}${since}`);
    const answer = await request(options.url, path, { timeoutMs: TIMEOUT_MS });
    if (stopping.signal.aborted) return;
    if (answer.status !== 200) throw new Error(`answered ${answer.status}`);
    const { cursor, status, events, snapshots = [] } = answer.json<Answer>();
    notes.opened();
    notes.told('$sync', '', { status });
    // What follows a reset begins at the snapshot; of several channels only the last cursor tells of all.
    if (status === 'reset') {
      const single = options.channels.length === 1 ? snapshots[0] : undefined;
      for (const snapshot of snapshots) notes.told('$snapshot', snapshot === single ? snapshot.cursor : '', snapshot);
    }
    for (const event of events) notes.given(event.id, event);
    notes.at(cursor);
  }

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await once();
      } catch (error) {
        notes.closed((error as Error).message);
        await sleep(100 + Math.random() * 300);
      }
    }
  }

  void loop();
  return { name: options.name, channels: options.channels, stop: () => stopping.abort() };
}
