/**
 * How one talks to us: a change is a POST, and events are a stream of Server-Sent Events. A change carries `from` and `seq`, in the head, where
 * HTTP/2 says `from` once and from then on by a number; or in the path, as the client library has them, whose requests need no preflight so.
 */
import { readFileSync } from 'node:fs';
import type { EdgeProcess } from '../../../proxy/process.ts';
import type { Http } from './http.ts';
import type { Listener, Sender, Way } from './way.ts';

export const CHANNEL = '/c/demo';
/** As long as a nonce should be (P6). */
export const FROM = 'alice.k3f9x7q2m5w8t4z6';

export type Fields = Readonly<Record<string, string>>;

export interface At {
  readonly edge: Pick<EdgeProcess, 'tlsUrl' | 'certificate'>;
  /** Where an event is sent to, past the edge. */
  readonly server: string;
  readonly over: (port: number, ca: Buffer) => Http;
  /** That say who it is. */
  readonly fields: Fields;
}

export function talk(name: string, { edge, server, over, fields }: At, place = inHead): Way {
  const ca = readFileSync(edge.certificate);
  return {
    name,
    port: Number(new URL(edge.tlsUrl).port),
    sender: (port) => sendBy(over(port, ca), place(fields)),
    listener: (port) => listen(over(port, ca), fields),
    async publish() {
      const answer = await fetch(`${server}${CHANNEL}`, { method: 'POST', body: 'x' });
      if (answer.status !== 204) throw new Error(`${answer.status} to an event`);
    },
  };
}

/** Where the name and the number of a change stand. */
type Place = (fields: Fields) => (seq: number) => Placed;

interface Placed {
  readonly path: string;
  readonly fields: Fields;
}

export const inHead: Place = (fields) => (seq) => ({
  path: CHANNEL,
  fields: { ...fields, 'change-from': FROM, 'change-seq': String(seq) },
});

export const inPath: Place = (fields) => (seq) => ({ path: `${CHANNEL}?from=${FROM}&seq=${seq}`, fields });

async function sendBy(http: Http, place: (seq: number) => Placed): Promise<Sender> {
  // From 1 in every row: what the merge drops was answered as what it does not.
  let seq = 0;
  const send = async () => void (await http.ask({ method: 'POST', body: 'x', ...place(++seq) }));
  await send();
  return { send, close: () => http.close() };
}

async function listen(http: Http, fields: Fields): Promise<Listener> {
  let heard = 0;
  let isBegun = () => {};
  const begun = new Promise<void>((resolve) => {
    isBegun = resolve;
  });
  const path = `${CHANNEL}/events`;
  await http.stream({ method: 'GET', path, fields: { ...fields, accept: 'text/event-stream' } }, (text) => {
    heard = text.split('\ndata: x\n').length - 1;
    if (text.includes('$sync')) isBegun();
  });
  await begun;
  return { heard: () => heard, close: () => http.close() };
}
