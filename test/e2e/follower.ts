/**
 * A follower does on purpose what an EventSource does by accident: it loses its connection, in the middle of a frame
 * too, and comes back with the id of the last frame that was complete. To be told `reset` is a failure.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Envelope, Sync } from '../contract/protocol/kit.ts';
import { type Frame, openSse, type SseReader } from '../support/sse.ts';
import type { Ledger } from './ledger.ts';

export interface FollowInit {
  /** Asked at every connect: the next server may be another one. */
  readonly url: () => string;
  readonly channels: readonly string[];
  readonly ledger: Ledger;
  /** After how many bytes the connection is cut, asked at every connect, the first is 1; infinite to let it live. */
  readonly cutAfterBytes?: (connect: number) => number;
}

export interface Follower extends AsyncDisposable {
  readonly connects: number;
  /** Resolves when it is told for the first time where it is. */
  readonly synced: Promise<void>;
  /** Throws what has gone wrong, if anything. */
  check(): void;
}

/** An EventSource waits for seconds; a test has no time. */
const RETURN_MS = 5;
const RETURN_AFTER_ERROR_MS = 100;

export function follow({ url, channels, ledger, cutAfterBytes }: FollowInit): Follower {
  let connects = 0;
  let lastEventId = '';
  let failure: unknown;
  let isStopped = false;
  let reader: SseReader | undefined;
  let toldSynced: () => void;
  const synced = new Promise<void>((resolve) => {
    toldSynced = resolve;
  });

  function take(frame: Frame): void {
    if (failure !== undefined || isStopped) return;
    try {
      if (frame.event === '$sync') {
        // Nobody here comes back too late, and no store loses anything.
        if ((JSON.parse(frame.data!) as Sync).status === 'reset') throw new Error(`told to start over: ${frame.data}`);
        toldSynced();
      } else if (frame.event === 'message' && frame.data !== undefined) {
        ledger.take({ channel: channels[0]!, ...(JSON.parse(frame.data) as Envelope) });
      }
      if (frame.id !== undefined) lastEventId = frame.id;
    } catch (error) {
      failure = error;
    }
  }

  async function connect(): Promise<void> {
    connects++;
    reader = await openSse(`${url()}/c/${channels.join(',')}/events?with=from,seq`, {
      headers: { Accept: 'text/event-stream', ...(lastEventId === '' ? {} : { 'Last-Event-ID': lastEventId }) },
      cutAfterBytes: cutAfterBytes?.(connects) ?? Number.POSITIVE_INFINITY,
      onFrame: take,
    });
    if (isStopped) reader.close();
    await reader.ended;
  }

  async function run(): Promise<void> {
    while (!isStopped && failure === undefined) {
      try {
        await connect();
        await sleep(RETURN_MS);
      } catch {
        await sleep(RETURN_AFTER_ERROR_MS);
      }
    }
  }

  const running = run();
  return {
    get connects() {
      return connects;
    },
    synced,
    check() {
      if (failure !== undefined) throw failure;
    },
    async [Symbol.asyncDispose]() {
      isStopped = true;
      reader?.close();
      await running;
    },
  };
}
