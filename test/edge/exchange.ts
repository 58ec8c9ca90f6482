/** Sending a request of the corpus with an honest one behind it, and judging what came of both. */
import { connect } from 'node:net';
import type { Attack, Target } from './corpus.ts';

/** Who waits for more is not waited for longer than this, after the last byte. */
const SILENCE_MS = 700;

export interface Exchange {
  readonly statuses: readonly string[];
  readonly text: string;
  /** By the other side. */
  readonly closed: boolean;
}

export function honest(channel: string): string {
  return `POST /c/${channel} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhonest`;
}

/** Sends the bytes at once, and takes what comes until the other side closes or is silent. */
export function exchange(url: string, bytes: string, localAddress = '127.0.0.1'): Promise<Exchange> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port), localAddress });
    let text = '';
    let closed = true;
    socket.setTimeout(SILENCE_MS, () => {
      closed = false;
      socket.destroy();
    });
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    // A reset is a refusal as well.
    socket.on('error', () => {});
    socket.once('close', () => {
      const statuses = [...text.matchAll(/HTTP\/1\.[01] (\d{3})/g)].map(([, status]) => status!);
      resolve({ statuses: statuses.filter((status) => status !== '100'), text, closed });
    });
    socket.write(Buffer.from(bytes, 'latin1'));
  });
}

/** @param merged The changes of this attack's channel. @returns Null when it is as it has to be. */
export function faultOf(
  { allowed }: Attack,
  target: Target,
  { statuses, text, closed }: Exchange,
  merged: readonly string[],
): string | null {
  const shown = `${JSON.stringify(text.slice(0, 400))} ${closed ? 'closed' : 'open'}`;
  if (merged.includes('smuggled')) return `what was hidden was served: ${shown}`;
  const isRefused = merged.length === 0 && statuses.length <= 1 && !/^2/.test(statuses[0] ?? '');
  if (isRefused) return null;
  if (allowed?.[target] === undefined) return `served, and should not be: ${JSON.stringify(merged)} ${shown}`;
  if (statuses.length > 2) return `answered more than once: ${shown}`;
  const isWhole = (merged.length <= 2 && merged.at(-1) !== 'attack') || merged.length === 1;
  return isWhole ? null : `merged: ${JSON.stringify(merged)}`;
}
