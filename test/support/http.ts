/**
 * HTTP requests as a test means them: the path goes out as it is written (`fetch` would tidy it up), the answer comes
 * back whole, and for what is not even HTTP there is a bare socket.
 */
import { Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request as open } from 'node:http';
import { connect } from 'node:net';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The port on our side: the same for two answers that came over one connection. */
  readonly localPort: number;
  json<T = Record<string, unknown>>(): T;
}

export interface RequestInit {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Uint8Array | string;
  readonly agent?: Agent;
  readonly timeoutMs?: number;
}

/** Above a poll's longest wait. */
const TIMEOUT_MS = 30_000;

/** A connection of its own for every request, so that one test's dead connection is not the next test's. */
const noReuse = new Agent({ keepAlive: false });

export function request(base: string, path: string, init: RequestInit = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body, agent = noReuse, timeoutMs = TIMEOUT_MS } = init;
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const outgoing = open({ hostname, port, path, method, headers, agent }, (response) => {
      const localPort = response.socket.localPort!;
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const whole = Buffer.concat(chunks);
        const json = <T>() => JSON.parse(whole.toString()) as T;
        resolve({ status: response.statusCode!, headers: response.headers, body: whole, localPort, json });
      });
    });
    outgoing.once('error', reject);
    outgoing.setTimeout(timeoutMs, () => outgoing.destroy(new Error(`no answer to ${method} ${path.slice(0, 80)}`)));
    outgoing.end(body);
  });
}

/** The first line, the header and the body of whatever is answered to these bytes, until the other side closes. */
export function requestRaw(base: string, bytes: string | Uint8Array): Promise<string> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`neither answer nor end, after:\n${text}`)));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(text));
    socket.write(bytes);
  });
}
