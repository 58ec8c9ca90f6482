/**
 * Many readers whose tokens last for seconds, renewed again and again, while somebody publishes: by the client library, and by a reader
 * written by hand. What counts is what comes to the callback: everything, once, in order.
 */
import { connect } from '../../../src/client/client.ts';
import { newChannel } from '../../contract/protocol/kit.ts';
import { granting, nowS, token } from '../../support/tokens.ts';
import { waitFor } from '../../support/wait.ts';
import { type Reader, readByHand } from './reader.ts';

export interface RenewalInit {
  readonly url: string;
  readonly lifeS: number;
  /** Of each kind. */
  readonly readers: number;
  readonly changesPerS: number;
  /** Asked after each change. */
  isOver(kinds: readonly Kind[]): boolean;
}

export interface Kind {
  readonly name: string;
  readonly readers: readonly Reader[];
}

/** Of all readers of a kind together. */
export interface Faults {
  readonly missed: number;
  readonly repeated: number;
  readonly outOfOrder: number;
}

export interface Outcome {
  readonly sent: number;
  readonly kinds: readonly (Kind & Faults)[];
}

/** The last changes arrive within this. */
const LAST_MS = 60_000;

export async function renew({ url, lifeS, readers, changesPerS, isOver }: RenewalInit): Promise<Outcome> {
  const channel = newChannel();
  const fresh = () => {
    const grant = { publish: [channel], subscribe: [channel] };
    return token(granting(grant, { exp: nowS() + lifeS }));
  };
  const each = (read: () => Reader) => Array.from({ length: readers }, read);
  const kinds: Kind[] = [
    { name: 'the client library', readers: each(() => readByLibrary(url, channel, fresh)) },
    { name: 'fetch, by hand', readers: each(() => readByHand(`${url}/c/${channel}/events`, fresh)) },
  ];
  const publisher = connect(url, { name: 'alice', token: fresh, storage: 'memory', share: false });
  const sent: string[] = [];
  try {
    while (!isOver(kinds)) {
      sent.push(String(sent.length));
      publisher.publish(channel, sent.at(-1)!).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 1_000 / changesPerS));
    }
    const all = kinds.flatMap((kind) => kind.readers);
    const lacking = () => all.filter(({ heard }) => new Set(heard).size < sent.length).length;
    await waitFor(() => lacking() === 0, {
      what: () => `${lacking()} of ${all.length} readers to hear all of ${sent.length}, ${publisher.pending} unsent`,
      timeoutMs: LAST_MS,
    }).catch(() => undefined);
    return { sent: sent.length, kinds: kinds.map((kind) => ({ ...kind, ...judged(kind.readers, sent) })) };
  } finally {
    publisher.close();
    for (const kind of kinds) for (const reader of kind.readers) reader.close();
  }
}

function judged(readers: readonly Reader[], sent: readonly string[]): Faults {
  let [missed, repeated, outOfOrder] = [0, 0, 0];
  for (const { heard } of readers) {
    const once = new Set(heard);
    missed += sent.filter((data) => !once.has(data)).length;
    repeated += heard.length - once.size;
    outOfOrder += heard.filter((data, i) => i > 0 && Number(data) < Number(heard[i - 1])).length;
  }
  return { missed, repeated, outOfOrder };
}

function readByLibrary(url: string, channel: string, fresh: () => string): Reader {
  const heard: string[] = [];
  const figures = { streams: 0, renewals: 0, expired: 0 };
  let isFirst = true;
  const connection = connect(url, {
    share: false,
    storage: 'memory',
    token() {
      if (!isFirst && connection.status.state === 'open') figures.renewals++;
      else if (!isFirst) figures.expired++;
      isFirst = false;
      return fresh();
    },
    fetch(...asked) {
      figures.streams++;
      return fetch(...asked);
    },
  });
  connection.subscribe(channel, ({ data }) => heard.push(String(data)), { since: 'earliest' });
  return { heard, figures, close: () => connection.close() };
}
