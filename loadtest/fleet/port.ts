/**
 * Free ports of this machine, for programs that cannot choose one themselves.
 *
 * Invariant: a port is given once, by all processes that ask here, until the process that got it ends.
 */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/** Below Linux' ephemeral ports (32768 up), so that no outgoing connection takes it before the program does, nor between
 * its end and a new start. */
const PORTS = { from: 20_000, count: 12_000 };

export async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.from + Math.floor(Math.random() * PORTS.count);
    if ((await isOurs(port)) && (await isFree(port))) return port;
  }
}

/** Nobody listens on a port between its choice and the program's start, so it is held by the UDP socket of the same
 * number, which nobody else uses. */
function isOurs(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const claim = createSocket('udp4').unref();
    claim.once('error', () => {
      claim.close();
      resolve(false);
    });
    claim.bind({ port, address: '127.0.0.1', exclusive: true }, () => resolve(true));
  });
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
