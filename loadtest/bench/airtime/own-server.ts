/** What the others have in common: a server with TLS of its own, in this process, with a certificate like the edge's. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCertificate } from '../../../proxy/certificate.ts';

export interface Identity {
  /** Certificate and key, as PEM. */
  readonly bundle: Buffer;
  readonly ca: Buffer;
}

export function makeIdentity(): Identity {
  const dir = mkdtempSync(join(tmpdir(), 'smallchange-airtime-'));
  try {
    const { bundle, own } = createCertificate(dir);
    return { bundle: readFileSync(bundle), ca: readFileSync(own) };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

export function makeServer({ bundle }: Identity): Server {
  return createServer({ key: bundle, cert: bundle, minVersion: 'TLSv1.3', noDelay: true });
}

/** @returns The port. */
export async function listenOn(server: {
  listen(port: number, host: string): unknown;
  address(): unknown;
}): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server as Server, 'listening');
  return (server.address() as AddressInfo).port;
}
