/** The ways in which a client can hold a stream through an edge, each as one that reads it. */
import { spawn } from 'node:child_process';
import type { EdgeProcess } from '../../support/edge.ts';
import { openSse, SseReader } from '../../support/sse.ts';
import { oneConnection, open } from '../../support/wire.ts';

export const kinds = ['http/1.1', 'http/1.1 in TLS', 'h2', 'curl'] as const;
export type Kind = (typeof kinds)[number];

const headers = { Accept: 'text/event-stream' };

/** Those of `h2` share connections, all others have one each. The certificate has to be trusted. */
export function openKind(kind: Kind, { plainUrl, tlsUrl }: EdgeProcess, path: string): Promise<SseReader> {
  if (kind === 'curl') return openCurl(tlsUrl + path);
  if (kind === 'http/1.1 in TLS') return openTls(tlsUrl, path);
  return openSse((kind === 'h2' ? tlsUrl : plainUrl) + path, { headers });
}

async function openTls(base: string, path: string): Promise<SseReader> {
  return new SseReader(await open(base, path, { headers, agent: oneConnection(base) }), {});
}

/** It comes back to nobody by itself: a curl that ends has lost its connection. */
async function openCurl(url: string): Promise<SseReader> {
  const child = spawn('curl', ['-sN', '--fail', url], { stdio: ['ignore', 'pipe', 'ignore'] });
  const { stdout } = child;
  stdout.once('close', () => child.kill());
  return new SseReader({ status: 200, headers: {}, body: stdout, localPort: undefined }, {});
}
