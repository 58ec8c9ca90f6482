/** One request as bytes, in the segments that a test wants, and what is answered. */
import { connect } from 'node:net';
import { setImmediate as looked, setTimeout as sleep } from 'node:timers/promises';

/** Long enough for what was written before to arrive by itself, as a rule; where it does not, one way is tried twice. */
const APART_MS = 15;
const TRIES = 3;

export interface AskOptions {
  /** What its body has when it is enough: of a stream, a frame. */
  readonly until?: RegExp | undefined;
  /** That it comes from. */
  readonly localAddress?: string;
}

/**
 * The head and the body of the first answer, of a stream until its first frame. A server that closes before all was sent has
 * refused, but a write that meets its close takes the answer away: then it is asked once more.
 */
export async function ask(
  port: number,
  parts: readonly (string | Uint8Array)[],
  options: AskOptions = {},
): Promise<string> {
  for (let tries = 1; ; tries++) {
    const text = await askOnce(port, parts, options);
    if (text !== null || tries === TRIES) return text ?? '';
  }
}

/** @returns Null when the connection was closed without an answer that could be read, before all was sent. */
async function askOnce(
  port: number,
  parts: readonly (string | Uint8Array)[],
  { until, localAddress = '127.0.0.1' }: AskOptions,
): Promise<string | null> {
  let sent = 0;
  const socket = connect({ port, host: '127.0.0.1', localAddress }).setNoDelay();
  let text = '';
  const isWhole = () => {
    const [head, body] = text.split(/\r\n\r\n(.*)/s);
    if (body === undefined) return false;
    if (until) return until.test(body);
    const length = /^content-length: (\d+)/im.exec(head!)?.[1];
    return length === undefined
      ? / 204 /.test(head!) || body.includes('\n')
      : Buffer.byteLength(body) >= Number(length);
  };
  await new Promise<void>((resolve, reject) => {
    socket.setTimeout(20_000, () => reject(new Error(`no answer to ${parts.join('|')}: ${text}`)));
    socket.on('data', (bytes: Buffer) => {
      text += bytes;
      if (isWhole()) resolve();
    });
    socket.once('close', () => resolve());
    // A server that refuses closes, though something is still on its way to it.
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const isTakenAway = sent < parts.length && (error.code === 'EPIPE' || error.code === 'ECONNRESET');
      if (text || isTakenAway) resolve();
      else reject(error);
    });
    void (async () => {
      for (const [i, part] of parts.entries()) {
        if (i > 0) {
          await sleep(APART_MS);
          // What has come meanwhile is read first: a write to who has closed would take it away.
          await looked();
        }
        if (!socket.writable) return;
        socket.write(part, (error) => {
          if (!error) sent++;
        });
      }
    })();
  });
  socket.destroy();
  return text === '' && sent < parts.length ? null : text;
}
