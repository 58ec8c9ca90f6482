/**
 * Room for connections: a process has so many descriptors, and its store needs some of them. Close to the bound those that
 * are idle for longest are closed; above it, when all the others are busy, who comes is. Streams are never closed for it.
 */
import type { Server } from 'node:http';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';

/** What could be closed without anybody losing more than a connection. */
export interface ClosableConnection {
  readonly isIdle: boolean;
  /** Whether a request of it was answered. */
  readonly hasAsked: boolean;
  /** When it was last used, whole seconds since 1970: as exact as costs nothing. */
  readonly usedAtS: number;
  destroy(): void;
}

export interface RoomOptions {
  readonly maxConnections: number;
  /** All that are no streams. */
  readonly closable: () => Iterable<ClosableConnection>;
  readonly metrics: Pick<Metrics, 'connectionsCut'>;
  readonly log: Pick<Logger, 'warn'>;
}

/** Room is made in portions of the bound, so that not every connection that comes has all the others looked at. */
const PORTION = 1 / 16;
/** For so long one that has just come is not idle, but about to ask. */
const NEW_S = 2;
/** After having found none to close: how long the next look waits. */
const NONE_FOUND_MS = 100;
/** How often it is looked whether there is room again, which is only said when none had to be closed for a while. */
const RECOVERY_LOOK_MS = 1_000;
const RECOVERED_AFTER_MS = 10_000;

/** Must be called after those who serve the connections. */
export function keepRoom(server: Server, { maxConnections, closable, metrics, log }: RoomOptions): void {
  const portion = Math.max(1, Math.floor(maxConnections * PORTION));
  const shortFrom = maxConnections - portion;
  /** As last counted, and those that came since: never too low. */
  let atMost = 0;
  let nextLookMs = 0;
  let shortAtMs = 0;
  let recovery: NodeJS.Timeout | undefined;

  server.on('connection', (socket) => {
    if (++atMost <= shortFrom) return;
    server.getConnections((_error, count) => {
      atMost = count;
      if (count <= shortFrom) return;
      begin(count);
      atMost -= makeRoom(count - shortFrom + portion);
      if (atMost <= maxConnections || socket.destroyed) return;
      metrics.connectionsCut.inc({ reason: 'refused' });
      socket.destroy();
    });
  });
  server.on('close', () => clearInterval(recovery));

  /** @returns How many were closed. */
  function makeRoom(wanted: number): number {
    const nowMs = performance.now();
    if (nowMs < nextLookMs) return 0;
    const newFromS = Date.now() / 1000 - NEW_S;
    const idle = [...closable()]
      .filter(({ isIdle, hasAsked, usedAtS }) => isIdle && (hasAsked || usedAtS < newFromS))
      .sort((a, b) => a.usedAtS - b.usedAtS);
    const closed = idle.slice(0, wanted);
    for (const connection of closed) connection.destroy();
    metrics.connectionsCut.inc({ reason: 'room' }, closed.length);
    if (closed.length === 0) nextLookMs = nowMs + NONE_FOUND_MS;
    return closed.length;
  }

  function begin(connections: number): void {
    shortAtMs = performance.now();
    if (recovery !== undefined) return;
    log.warn({ connections, maxConnections }, 'room for connections is short: idle ones are closed');
    recovery = setInterval(() => {
      server.getConnections((_error, count) => {
        atMost = count;
        if (count > shortFrom || performance.now() - shortAtMs < RECOVERED_AFTER_MS) return;
        log.warn({ connections: count, maxConnections }, 'there is room for connections again');
        clearInterval(recovery);
        recovery = undefined;
      });
    }, RECOVERY_LOOK_MS);
    recovery.unref();
  }
}
