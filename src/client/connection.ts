/** One connection of an app: the wiring of streams, outbox and page, and the status that is made of theirs. */
import { isChannel } from '../domain/channel.ts';
import { whenAborted } from './aborted.ts';
import type { Batch, BatchLimits } from './batch.ts';
import { bytesOf } from './bytes.ts';
import { systemClock } from './clock.ts';
import type { Connection, Dropped, Status } from './contract.ts';
import { openDurable } from './durable.ts';
import { type End, type Entry, withEnding } from './entry.ts';
import { ClientError } from './errors.ts';
import type { Home } from './home.ts';
import { browserLocks, type Locks } from './locks.ts';
import { createNonces } from './nonces.ts';
import { type ConnectOptions, OUTBOX, PARK_MS } from './options.ts';
import { createOutbox } from './outbox.ts';
import { browserPage, type Page } from './page.ts';
import { createLatePart, type Part } from './part.ts';
import type { Reads } from './reads.ts';
import { createSender } from './sender.ts';
import type { Share, ShareDeps } from './share.ts';
import { createSignals } from './signals.ts';
import { createStreams } from './streams.ts';
import { createTokens } from './token.ts';
import type { Transport } from './transport.ts';
import { ALL, createTransports } from './transports.ts';

/** What there is of a browser, if anything. */
export interface Surroundings {
  readonly page: Page;
  readonly locks: Locks | undefined;
  /** To other tabs. */
  readonly Channel?: ShareDeps['Channel'] | undefined;
  readonly load?: (() => Promise<Part>) | undefined;
}

function browser(): Surroundings {
  const { document, BroadcastChannel } = globalThis as { document?: unknown; BroadcastChannel?: unknown };
  const Channel = document ? (BroadcastChannel as ShareDeps['Channel'] | undefined) : undefined;
  return { page: browserPage(), locks: browserLocks(), Channel };
}

const invalid = (what: string) => new ClientError('invalid', undefined, what);

/** Of several streams the connection is as well as the worst. */
const worstFirst = ['failed', 'offline', 'connecting', 'parked', 'open'];
/** Somebody else has changes of ours: how often to look whether they were sent. */
const LOOK_MS = 5_000;

export function createConnection(
  url: string | URL,
  options: ConnectOptions,
  { page, locks, Channel, load = () => import('./more.ts').then(({ more }) => more) }: Surroundings = browser(),
): Connection {
  const { name = 'anyone', clock = systemClock, random = Math.random, since = {}, whenHidden = 'park' } = options;
  // A channel may be called `constructor`.
  const begins = new Map(Object.entries(since));
  if (!/^[\w-]{1,40}$/.test(name)) throw invalid('name');
  const here = (globalThis as { location?: { href: string } }).location?.href;
  const base = new URL(url, here).href.replace(/\/?([?#].*)?$/, '');
  const ask = options.fetch ?? globalThis.fetch.bind(globalThis);
  const connecting: Status = { state: 'connecting' };
  let status = connecting;
  let isAway = false;
  let isClosed = false;
  let isDurable = true;
  const closing = new AbortController();
  const signals = createSignals();
  const { report } = signals;
  const tokens = createTokens(options.token);
  const nonces = createNonces(name, locks);
  const { isOwn } = nonces;
  /** Of all that is made here. */
  const common = { base, fetch: ask, clock, random, tokens, isOwn, report, changed };
  const part = createLatePart(load, clock, random);
  const scope = `${base} ${name}`;
  const limits = { ...OUTBOX, ...options.outbox };
  const dropped = (one: Dropped) => signals.tell('dropped', one);
  let durable: Home | undefined;
  const keeper = () => opened.then((found) => found?.keeper);
  const outbox = createOutbox({ scope, limits, clock, nonces, keeper, dropped });
  const opened = Promise.resolve()
    .then(() => openDurable(options.storage, part, { scope, clock, outbox, nonces, locks }, notDurable))
    .then((found) => {
      // Closed before it was open, it must not come to own what others left.
      durable = isClosed ? undefined : found;
      if (isAway) durable?.adoption.handOver();
      // What was published before it was closed is still written down.
      return found;
    });
  let batchLimits: BatchLimits = {};
  /** None until `$sync` has told, nor while the part is not there. */
  const batchOf = (queue: readonly Entry[]): Batch | undefined =>
    batchLimits.maxBatchChanges === undefined ? undefined : part.now()?.batchOf(queue, batchLimits);
  const sender = createSender({ ...common, outbox, batchOf });
  const reads = (): Promise<Reads> =>
    part.get().then(({ createReads }) => createReads({ ...common, signal: closing.signal }));
  const state: Reads['state'] = async (channel, wishes) => (await reads()).state(channel, wishes);
  const transports = createTransports(common, options.transports ?? ALL, part);
  const canShare = options.share !== false && locks && Channel;
  const share = (channels: readonly string[]) => {
    if (!canShare) return undefined;
    let shared: Share | undefined;
    return (transport: Transport) =>
      part.get().then(
        ({ createShare }) => {
          shared ??= createShare({ ...common, locks, Channel }, channels);
          return shared(transport);
        },
        // Without it each tab has a stream of its own.
        () => transport,
      );
  };
  const streams = createStreams({
    ...common,
    share,
    transports,
    state,
    opened(sync) {
      batchLimits = sync;
      // Before there is something to send.
      if (sync.maxBatchChanges !== undefined) part.now();
    },
  });
  /** For the outbox to be empty. */
  const waiting: End[] = [];
  let unpark = () => {};
  let unlook = () => {};

  function notDurable(thrown?: unknown): void {
    if (!isDurable) return;
    isDurable = false;
    if (thrown) report(thrown);
    changed();
  }

  function changed(): void {
    if (isClosed) return;
    durable?.adoption.released();
    const all = [...streams.statuses, sender.status];
    const worst = worstFirst.flatMap((state) => all.find((each) => each?.state === state) ?? [])[0] ?? connecting;
    const next: Status = isDurable || worst.reason ? worst : { ...worst, reason: 'not-durable' };
    if (!outbox.all[0]) for (const end of waiting.splice(0)) end();
    if (JSON.stringify(next) === JSON.stringify(status)) return;
    status = next;
    signals.tell('status', next);
  }

  /** What was left behind by others, or by us. */
  async function look(): Promise<void> {
    unlook();
    await opened;
    if (!isAway) await durable?.adoption.look();
    if (isClosed || isAway) return;
    sender.pump();
    changed();
    if (durable?.adoption.isWaiting) unlook = clock.after(LOOK_MS, look);
  }

  /** What is older goes out first. */
  const lookAndSend = () => look().then(() => isAway || sender.attempt());

  /** @param isSure That what is open is dead; then also a page that nobody looks at has a stream again. */
  function attempt(isSure = false): void {
    if (isClosed) return;
    isAway = false;
    const isHidden = page.isHidden();
    if (!isHidden) unpark();
    streams.each((stream) => {
      if (isSure || !isHidden || stream.status.state !== 'parked') stream.attempt(isSure);
    });
    void lookAndSend();
  }

  function park(): void {
    streams.each((stream) => stream.park());
  }

  function parkSoon(): void {
    const ms = whenHidden === 'park' ? PARK_MS : whenHidden;
    unpark();
    if (ms !== 'keep') unpark = clock.after(ms, park);
  }

  /** Frozen, or in the back/forward cache: others may send what is ours, and nothing is open for nobody. */
  function putAway(): void {
    isAway = true;
    unpark();
    unlook();
    sender.pause();
    durable?.adoption.handOver();
    park();
  }

  const unlisten = page.listen({
    hidden: parkSoon,
    visible: () => attempt(),
    online: () => attempt(),
    leaving() {
      sender.leave();
      putAway();
    },
    frozen: putAway,
    back() {
      attempt(true);
      if (page.isHidden()) parkSoon();
    },
  });
  if (page.isHidden()) parkSoon();

  function checkChannel(channel: string): void {
    if (!isChannel(channel)) throw invalid('channel');
    if (isClosed) throw new ClientError('closed');
  }

  const connection: Connection = {
    get status() {
      return status;
    },
    get pending() {
      return outbox.all.length;
    },
    publish(channel, data, { replace, signal } = {}) {
      const published = new Promise<void>((resolve, reject) => {
        checkChannel(channel);
        if (signal?.aborted) throw new ClientError('aborted');
        const bytes = bytesOf(data);
        if (!bytes.length) throw invalid('empty');
        const { entry, done } = outbox.add(channel, bytes, replace);
        whenAborted(signal, () => outbox.takeBack(entry) && changed());
        done.then(resolve, reject);
        void started.then(sender.pump);
      });
      // Whoever does not look at it is not ended by it: what was dropped is told as well.
      published.catch(() => undefined);
      return published;
    },
    subscribe(channel, listener, wishes = {}) {
      checkChannel(channel);
      const from = wishes.since ?? begins.get(channel);
      return streams.subscribe(channel, listener, { ...wishes, ...(from !== undefined && { since: from }) });
    },
    state,
    async *history(channel, wishes) {
      yield* (await reads()).history(channel, wishes);
    },
    reconnect: () => attempt(true),
    async flush({ signal } = {}) {
      if (isClosed) throw new ClientError('closed');
      return withEnding((end) => {
        waiting.push(end);
        // Also what was left behind is waited for, once it is known.
        void started.then(changed);
        whenAborted(signal, () => end(new ClientError('aborted')));
      });
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      status = { state: 'closed' };
      signals.tell('status', status);
      signals.close();
      unlisten();
      unpark();
      unlook();
      sender.pause();
      streams.close();
      outbox.close();
      durable?.adoption.close();
      durable = undefined;
      closing.abort();
      for (const end of waiting.splice(0)) end(new ClientError('closed'));
    },
    addEventListener: (type, listener, { signal } = {}) => signals.add(type, listener, signal),
  };

  // What is older goes out first: what is published now waits until it is known.
  const started = lookAndSend();
  whenAborted(options.signal, connection.close);
  return connection;
}
