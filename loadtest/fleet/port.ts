/** Free ports of this machine, for programs that cannot choose one themselves. */
import { createServer } from 'node:net';

/** Below Linux' ephemeral ports (32768 up), so that no outgoing connection takes it before the program does, nor between
 * its end and a new start. */
const PORTS = { from: 20_000, count: 12_000 };

export async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.from + Math.floor(Math.random() * PORTS.count);
    const isFree = await new Promise<boolean>((resolve) => {
      const probe = createServer();
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}
