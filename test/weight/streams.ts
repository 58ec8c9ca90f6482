/** Thousands of streams of an attacker: what is seen on them is counted, not kept. */
import { get, RawConnection } from './sockets.ts';

export interface Streams {
  /** How many streams have had a line that begins so. */
  seen(line: string): number;
  /** Closed by the other side. */
  readonly ended: number;
  close(): void;
}

/** So much of a stream is looked at: what is looked for is in its first frames. */
const KEPT_BYTES = 4096;

/** Streams opened in a second, and how often some are: as clients come back that were told when to (P10), and four times as fast. */
const OPENED_PER_S = 2_000;
const OPEN_EVERY_MS = 10;

/** Opens them one after the other; what comes of it, its caller sees. */
export function openStreams(url: string, count: number, path: string, fields = ''): Streams {
  const texts = Array.from({ length: count }, () => '');
  let ended = 0;
  let isClosed = false;
  const connections: RawConnection[] = [];
  const open = (i: number) => {
    const onClose = () => {
      if (!isClosed) ended++;
    };
    const connection = new RawConnection(url, { onClose });
    connection.socket.removeAllListeners('data').on('data', (chunk: Buffer) => {
      if (texts[i]!.length < KEPT_BYTES) texts[i] += chunk.toString('latin1', 0, KEPT_BYTES);
    });
    connection.socket.write(get(path, `Accept: text/event-stream\r\n${fields}`));
    connections.push(connection);
  };
  const opening = setInterval(() => {
    const until = Math.min(count, connections.length + (OPENED_PER_S * OPEN_EVERY_MS) / 1000);
    while (connections.length < until) open(connections.length);
    if (connections.length === count) clearInterval(opening);
  }, OPEN_EVERY_MS);
  return {
    seen: (line) => texts.filter((text) => text.includes(`\n${line}`)).length,
    get ended() {
      return ended;
    },
    close() {
      isClosed = true;
      clearInterval(opening);
      for (const connection of connections) connection.close();
    },
  };
}
