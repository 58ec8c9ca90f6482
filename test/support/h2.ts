/**
 * Requests over HTTP/2, on few connections that all share: streams and changes side by side, as a browser has them.
 *
 * node:http2 and not undici, which gives a POST a connection of its own while a stream is open, and takes a server's GOAWAY,
 * which lets those under way finish (RFC 9113 §6.8), for the end of all of them.
 */
import { type ClientHttp2Session, connect } from 'node:http2';
import type { Opened, Opening } from './wire.ts';

/** Half of what both edges allow. */
export const STREAMS_PER_CONNECTION = 50;
/** Before nginx says GOAWAY, which it does after 5,000: a request that crosses with it would fail. */
const REQUESTS_PER_CONNECTION = 1_000;

interface Connection {
  readonly session: ClientHttp2Session;
  open: number;
  requests: number;
}

export interface H2Client {
  open(base: string, path: string, opening: Opening): Promise<Opened>;
  /** Ends all connections. */
  close(): void;
}

export function createH2Client(ca: Buffer): H2Client {
  const connections = new Map<string, Connection[]>();

  function connectionTo(base: string): Connection {
    const { origin } = new URL(base);
    const there = connections.get(origin) ?? [];
    connections.set(origin, there);
    const hasRoom = ({ session, open, requests }: Connection) =>
      !session.closed && open < STREAMS_PER_CONNECTION && requests < REQUESTS_PER_CONNECTION;
    const known = there.find(hasRoom);
    if (known) return known;
    const made = { session: connect(origin, { ca }), open: 0, requests: 0 };
    // Each of its requests is told by itself.
    made.session.on('error', () => {});
    // HAProxy takes HTTP/2 also from who has not negotiated it; a browser would not speak it then.
    made.session.once('connect', ({ alpnProtocol }) => {
      if (alpnProtocol !== 'h2') made.session.destroy(new Error(`${origin} negotiated ${alpnProtocol}`));
    });
    there.push(made);
    return made;
  }

  return {
    open(base, path, { method = 'GET', headers, body, signal }) {
      const connection = connectionTo(base);
      const sent = { ...fieldsOf(headers, body), ':method': method, ':path': path };
      const stream = connection.session.request(sent, { endStream: body === undefined, ...(signal && { signal }) });
      connection.open++;
      connection.requests++;
      stream.once('close', () => connection.open--);
      return new Promise((resolve, reject) => {
        stream.on('error', reject);
        stream.once('close', () => reject(new Error(`no answer to ${method} ${path.slice(0, 80)}`)));
        stream.once('response', ({ ':status': status, ...answered }) => {
          const { localPort } = connection.session.socket;
          resolve({ status: status!, headers: answered as Opened['headers'], body: stream, localPort });
        });
        if (body !== undefined) stream.end(body);
      });
    },
    close() {
      for (const there of connections.values()) for (const { session } of there) session.destroy();
    },
  };
}

/** As HTTP/2 has them: no chunks but a body without a length, and the host by its other name. */
function fieldsOf(headers: Opening['headers'] = {}, body: Opening['body']) {
  const fields: Record<string, string | string[]> = {};
  let isChunked = false;
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    if (name.toLowerCase() === 'transfer-encoding') isChunked = true;
    else fields[name.toLowerCase() === 'host' ? ':authority' : name] = Array.isArray(value) ? value : String(value);
  }
  if (body !== undefined && !isChunked) fields['content-length'] = String(Buffer.byteLength(body));
  return fields;
}
