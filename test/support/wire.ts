/**
 * One request and the head of its answer, over what its URL says: `http:` is HTTP/1.1 with a connection of its own, `https:`
 * is HTTP/2 on connections that are shared, by whom `trust.ts` trusts. The path goes out as it is written.
 */
import { Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { connect, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import { trusted } from './trust.ts';

export interface Opened {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
  /** The port on our side. */
  readonly localPort: number | undefined;
}

export interface Opening {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Uint8Array | string | undefined;
  /** Of `oneConnection`. */
  readonly agent?: Agent | undefined;
  /** Aborts whatever is under way. */
  readonly signal?: AbortSignal;
}

/** A connection of its own for every request, so that one test's dead connection is not the next test's. */
const noReuse = new Agent({ keepAlive: false });

/** HTTP/1.1 on one connection that is used again and again, with TLS when `base` has it. */
export function oneConnection(base: string): Agent {
  const options = { keepAlive: true, maxSockets: 1 };
  return base.startsWith('https:') ? new TlsAgent({ ...options, ca: trusted().ca }) : new Agent(options);
}

/** Resolves with the head of the answer, whatever its status. */
export function open(base: string, path: string, opening: Opening = {}): Promise<Opened> {
  return base.startsWith('https:') && !opening.agent
    ? trusted().h2.open(base, path, opening)
    : openH1(base, path, opening);
}

function openH1(base: string, path: string, { method = 'GET', agent = noReuse, body, ...rest }: Opening) {
  const { protocol, hostname, port } = new URL(base);
  return new Promise<Opened>((resolve, reject) => {
    const start = protocol === 'https:' ? tlsRequest : request;
    const outgoing = start({ hostname, port, path, method, agent, ...rest }, (response) => {
      const { statusCode, headers, socket } = response;
      resolve({ status: statusCode!, headers, body: response, localPort: socket.localPort });
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

/** A bare socket for HTTP/1.1, inside TLS when `base` has it. */
export function openSocket(base: string): Socket {
  const { protocol, hostname, port } = new URL(base);
  if (protocol === 'http:') return connect(Number(port), hostname);
  return tlsConnect(Number(port), hostname, { ca: trusted().ca, ALPNProtocols: ['http/1.1'] });
}
