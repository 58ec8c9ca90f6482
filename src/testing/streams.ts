/** What the fake server sends to one stream (P10 to P17): its first frames, events, heartbeats, and its end. */
import type { ClientClock } from '../client/clock.ts';
import type { Log, Place } from './log.ts';

export interface StreamWish {
  readonly logs: readonly Log[];
  readonly places: readonly Place[];
  readonly query: URLSearchParams;
  readonly clock: ClientClock;
  readonly signal: AbortSignal;
  readonly closed: () => void;
}

export interface Stream {
  readonly response: Response;
  /** Sends what its channels have got. */
  pump(): void;
  tell(event: string, data: object, retryMs?: number): void;
  end(): void;
  /** As a network does it. */
  cut(): void;
}

/** What a server tells with its defaults (P11). */
export const LIMITS = {
  heartbeatMs: 20_000,
  maxChangeBytes: 1_024,
  maxBatchChanges: 100,
  maxBatchBytes: 65_536,
  dedupeTtlS: 86_400,
};
const RETRY_MS = 1_000;

const worst = (places: readonly Place[]) =>
  (['reset', 'resumed', 'fresh'] as const).find((each) => places.some(({ status }) => status === each))!;

export function createStream({ logs, places, query, clock, signal, closed }: StreamWish): Stream {
  const encoder = new TextEncoder();
  const offsets = places.map(({ offset }) => offset);
  const cursor = () => logs.map((log, i) => log.cursor(offsets[i])).join('~');
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let beat = () => {};

  function close(how: (open: ReadableStreamDefaultController<Uint8Array>) => void): void {
    beat();
    const open = controller;
    controller = undefined;
    if (open) how(open);
    closed();
  }

  function write(text: string): void {
    controller?.enqueue(encoder.encode(text));
    beat();
    if (controller) beat = clock.after(LIMITS.heartbeatMs, heartbeat);
  }

  const heartbeat = () => write(':\n');

  function frame(event: string, data: string, { id, retryMs }: { id?: string; retryMs?: number } = {}): void {
    const lines = [
      ...(retryMs === undefined ? [] : [`retry: ${retryMs}`]),
      ...(id === undefined ? [] : [`id: ${id}`]),
      ...(event === 'message' ? [] : [`event: ${event}`]),
      `data: ${data}`,
    ];
    write(`${lines.join('\n')}\n\n`);
  }

  function begin(): void {
    const heads = logs.map((log, i) => {
      const { status, offset } = places[i]!;
      const told = { resumed: { missed: log.head - offset }, reset: { lost: null }, fresh: {} }[status];
      return [log.name, { status, ...told, head: log.head, oldest: 1 }];
    });
    const snapshots = logs.filter((_, i) => isSnapshotDue(places[i]!));
    const sync = { status: worst(places), channels: Object.fromEntries(heads), ...LIMITS };
    frame('$sync', JSON.stringify(sync), { retryMs: RETRY_MS, ...(snapshots.length === 0 && { id: cursor() }) });
    for (const log of snapshots) {
      const data = { channel: log.name, ...log.state(offsets[logs.indexOf(log)]) };
      frame('$snapshot', JSON.stringify(data), log === snapshots.at(-1) ? { id: cursor() } : {});
    }
    pump();
  }

  function isSnapshotDue({ status }: Place): boolean {
    return status === 'reset' || (status === 'fresh' && query.get('snapshot') === '1');
  }

  function pump(): void {
    for (const [i, log] of logs.entries()) {
      for (const logged of log.events.slice(offsets[i])) {
        offsets[i]!++;
        const { id: _, ...envelope } = logged;
        const data = { ...(logs.length > 1 && { channel: log.name }), ...envelope };
        frame('message', JSON.stringify(data), { id: cursor() });
      }
    }
  }

  const body = new ReadableStream<Uint8Array>({
    start(its) {
      controller = its;
      begin();
    },
    cancel: () => close(() => undefined),
  });
  const cut = () => close((open) => open.error(new TypeError('network error')));
  signal.addEventListener('abort', () => close((open) => open.error(signal.reason)));
  return {
    response: new Response(body, { headers: { 'content-type': 'text/event-stream' } }),
    pump,
    tell: (event, data, retryMs) => frame(event, JSON.stringify(data), retryMs === undefined ? {} : { retryMs }),
    end: () => close((open) => open.close()),
    cut,
  };
}
