/**
 * Requests behind each other on a connection, without waiting for an answer: all of them are read at once unless somebody
 * holds back. For a while nothing is taken of the answers, then everything.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Tally } from '../answers.ts';
import type { Attack, Drive, Size } from '../attack.ts';
import type { HeldThing } from '../budget.ts';
import { fillHistory } from '../filling.ts';
import { get, post, RawConnection } from '../sockets.ts';

type Kind = 'history' | 'waiting-polls' | 'posts' | 'posts-past-shortcut';

const CHANNEL = 'piped';
const REQUESTS: Readonly<Record<Kind, Readonly<Record<Size, number>>>> = {
  history: { small: 600, full: 100_000 },
  'waiting-polls': { small: 20_000, full: 100_000 },
  posts: { small: 5_000, full: 100_000 },
  'posts-past-shortcut': { small: 5_000, full: 100_000 },
};
const HOLDS: Readonly<Record<Kind, readonly HeldThing[]>> = {
  history: ['answers'],
  'waiting-polls': ['polls'],
  posts: ['batches'],
  'posts-past-shortcut': ['batches'],
};
/** A change of a few bytes, its event and its publisher, in the memory of the process. */
const STORED_BYTES = 512;
/** Few, so that what they may hold shows. */
const MAX_STREAMS = 300;
/** For so long they are sent and nothing is taken, below the 30 s after which a connection is closed; and then taken. */
const UNREAD_MS: Readonly<Record<Size, number>> = { small: 1_000, full: 10_000 };
const READ_MS: Readonly<Record<Size, number>> = { small: 1_000, full: 15_000 };
const ASKED_AT_ONCE = 200;

const requests: Readonly<Record<Kind, (i: number) => string | Buffer>> = {
  history: () => get(`/c/${CHANNEL}/history`),
  'waiting-polls': () => get(`/c/${CHANNEL}-quiet/events?format=json&wait=25`),
  posts: (i) => post(`/c/${CHANNEL}-posts`, `x${i}`),
  // A field that the shortcut does not know.
  'posts-past-shortcut': (i) => post(`/c/${CHANNEL}-posts`, `x${i}`, `Change-From: n${i}.x\r\n`),
};

/** Of each kind on one connection or on many, the one that `npm test` has too. */
const tested: Readonly<Record<Kind, boolean>> = {
  history: true,
  'waiting-polls': true,
  posts: true,
  'posts-past-shortcut': false,
};

function attack(kind: Kind, connections: number): Attack {
  return {
    name: `pipelined-${kind}-${connections}`,
    promise: `100,000 pipelined ${kind} on ${connections} connections are answered one after the other`,
    store: 'memory',
    isVariant: (connections === 1) !== tested[kind],
    env: () => ({ MAX_STREAMS: String(MAX_STREAMS) }),
    holds: HOLDS[kind],
    storedBytes: (size) => REQUESTS.posts[size] * STORED_BYTES,
    prepare: ({ target }) => (kind === 'history' ? fillHistory(target, CHANNEL) : Promise.resolve()),
    drive: (drive) => flood(drive, kind, connections),
  };
}

async function flood({ target, size }: Drive, kind: Kind, count: number) {
  const tally = new Tally();
  const url = kind.startsWith('posts') ? target.bucketUrl : target.gatewayUrl;
  const onAnswer = ({ status }: { readonly status: number }) => tally.add(status);
  const connections = Array.from({ length: count }, () => new RawConnection(url, { onAnswer, isPaused: true }));
  const each = Math.ceil(REQUESTS[kind][size] / count);
  let sent = 0;
  const isOver = new AbortController();
  const sending = connections.map(async (connection) => {
    for (let i = 0; i < each && !isOver.signal.aborted && !connection.isClosed; i += ASKED_AT_ONCE) {
      const some = Array.from({ length: Math.min(ASKED_AT_ONCE, each - i) }, (_, n) => requests[kind](i + n));
      sent += some.length;
      await connection.send(Buffer.concat(some.map((one) => Buffer.from(one))));
    }
  });
  await sleep(UNREAD_MS[size]);
  for (const connection of connections) connection.read();
  await sleep(READ_MS[size]);
  isOver.abort();
  const hungUp = connections.filter(({ isClosed }) => isClosed).length;
  for (const connection of connections) connection.close();
  await Promise.all(sending);
  const faults = tally.faults(kind, 200, 204, 429, 503);
  if (kind !== 'waiting-polls' && tally.total === 0) faults.push('nothing was answered');
  return { figures: { sent, answered: `${tally}`, 'hung up on': hungUp }, faults };
}

const kinds: readonly Kind[] = ['history', 'waiting-polls', 'posts', 'posts-past-shortcut'];

export const pipelined: readonly Attack[] = kinds.flatMap((kind) => [attack(kind, 1), attack(kind, 200)]);
