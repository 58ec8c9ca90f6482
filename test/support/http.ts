/**
 * HTTP requests as a test means them: the path goes out as it is written (`fetch` would tidy it up), the answer comes
 * back whole, and for what is not even HTTP there is a bare socket.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { type Opening, open, openSocket } from './wire.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The port on our side: the same for two answers that came over one connection of `oneConnection`. */
  readonly localPort: number | undefined;
  json<T = Record<string, unknown>>(): T;
}

export interface RequestInit extends Omit<Opening, 'signal'> {
  readonly timeoutMs?: number;
}

/** Above a poll's longest wait. */
const TIMEOUT_MS = 30_000;

export async function request(base: string, path: string, init: RequestInit = {}): Promise<Answer> {
  const { timeoutMs = TIMEOUT_MS, ...opening } = init;
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new Error(`no answer to ${opening.method ?? 'GET'} ${path.slice(0, 80)}`)),
    timeoutMs,
  );
  try {
    const { status, headers, body, localPort } = await open(base, path, { ...opening, signal: late.signal });
    const chunks: Buffer[] = [];
    for await (const chunk of body) chunks.push(chunk as Buffer);
    const whole = Buffer.concat(chunks);
    return { status, headers, body: whole, localPort, json: <T>() => JSON.parse(whole.toString()) as T };
  } catch (error) {
    throw late.signal.aborted ? late.signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

/** The first line, the header and the body of whatever is answered to these bytes, until the other side closes. */
export function requestRaw(base: string, bytes: string | Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = openSocket(base);
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
