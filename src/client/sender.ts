/**
 * Sends what is in the outbox: where a send is retried.
 *
 *   head of a channel ─► POST ─► 204: done, the next of this channel
 *   and what goes with it │ └──► 4xx: dropped and said so, the next; of several nobody knows which it was: each alone, until one is dropped
 *                         └────► anything else, or nothing within 10 s: the very same again, after a back-off of this channel
 *
 * One unanswered change per channel (P6), two in all: a browser has six connections to a host, and streams take of them.
 */
import { type Backoff, createBackoff } from './backoff.ts';
import type { Batch } from './batch.ts';
import type { Status } from './contract.ts';
import type { Entry } from './entry.ts';
import type { Outbox } from './outbox.ts';
import { type PostDeps, post } from './post.ts';
import type { Tokens } from './token.ts';
import type { Ending } from './transport.ts';

export interface SenderDeps extends Omit<PostDeps, 'headers'> {
  readonly random: () => number;
  readonly tokens: Tokens;
  readonly outbox: Outbox;
  /** What goes in one request, of what waits for one channel; undefined: the first alone. */
  readonly batchOf: (queue: readonly Entry[]) => Batch | undefined;
  /** Something was sent or given up, or the status is another. */
  readonly changed: () => void;
}

export interface Sender {
  /** `offline` or `failed` with the reason, `open` once something was taken. */
  readonly status: Status | undefined;
  /** Looks for what may be sent: nothing before the first `attempt`. */
  pump(): void;
  /** Now, without waiting for the end of a back-off, which goes on to grow. */
  attempt(): void;
  /** The last that is sent: of each channel the first, for a lower `seq` that came after a higher one would be dropped (P7). */
  leave(): void;
  /** Nothing is sent until `attempt`, and what is on its way is given up. */
  pause(): void;
}

const AT_ONCE = 2;

interface Lane {
  readonly backoff: Backoff;
  isBusy: boolean;
  isAlone?: boolean;
  /** Ends the rest after a failure. */
  wake?: () => void;
}

export function createSender(deps: SenderDeps): Sender {
  const { clock, outbox, tokens } = deps;
  const lanes = new Map<string, Lane>();
  const postDeps = { ...deps, headers: tokens.headers };
  let status: Status | undefined;
  let isPaused = true;
  let ending = new AbortController();
  let isRenewed = false;
  let busy = 0;

  function laneOf(channel: string): Lane {
    const lane = lanes.get(channel) ?? { backoff: createBackoff(deps.random), isBusy: false };
    lanes.set(channel, lane);
    return lane;
  }

  function pump(): void {
    if (isPaused || status?.state === 'failed') return;
    for (const entry of outbox.heads()) {
      const lane = laneOf(entry.change.channel);
      if (busy < AT_ONCE && !lane.isBusy && !lane.wake) void send(entry, lane);
    }
  }

  async function send(entry: Entry, lane: Lane): Promise<void> {
    lane.isBusy = true;
    busy++;
    // It may be replaced while it is written down.
    while (entry.stored) await entry.stored;
    if (!isPaused && outbox.has(entry)) {
      const batch = batchWith(entry, lane);
      came(batch.entries, lane, await post(postDeps, batch, ending.signal));
    }
    lane.isBusy = false;
    busy--;
    if (!outbox.heads().some(({ change }) => change.channel === entry.change.channel) && !lane.wake) {
      lanes.delete(entry.change.channel);
    }
    deps.changed();
    pump();
  }

  function batchWith(entry: Entry, { isAlone }: Lane): Batch {
    const alone = { entries: [entry], body: entry.change.bytes };
    const batch = (!isAlone && deps.batchOf(outbox.from(entry))) || alone;
    for (const each of batch.entries) each.isSent = true;
    return batch;
  }

  function came(entries: readonly Entry[], lane: Lane, refusal: Ending | undefined): void {
    if (!refusal || refusal.reason === 'rejected') {
      isRenewed = false;
      lane.backoff.reset();
      status = { state: 'open' };
      if (!refusal) entries.forEach(outbox.accepted);
      else {
        lane.isAlone = entries.length > 1;
        if (!lane.isAlone) outbox.drop(entries[0]!, 'rejected', refusal.problem);
      }
    } else if (refusal.reason !== 'unauthorized') {
      rest(lane, lane.backoff.nextMs(refusal.retryMs));
    } else if (isRenewed || !tokens.renew()) {
      isRenewed = false;
      status = { state: 'failed', reason: 'unauthorized' };
    } else isRenewed = true;
  }

  function rest(lane: Lane, ms: number): void {
    if (isPaused) return;
    status = { state: 'offline', reason: 'refused', retryInMs: ms };
    const cancel = clock.after(ms, () => lane.wake?.());
    lane.wake = () => {
      cancel();
      delete lane.wake;
      pump();
    };
  }

  function wakeAll(): void {
    for (const lane of lanes.values()) lane.wake?.();
  }

  return {
    get status() {
      return status;
    },
    pump,
    attempt() {
      isPaused = false;
      if (status?.state === 'failed') status = undefined;
      wakeAll();
      pump();
    },
    leave() {
      for (const entry of outbox.heads()) {
        // It may yet come to have another seq.
        if (isPaused || entry.stored) continue;
        const batch = batchWith(entry, laneOf(entry.change.channel));
        void post(postDeps, batch).then((refusal) => {
          if (!refusal) batch.entries.forEach(outbox.accepted);
        });
      }
    },
    pause() {
      isPaused = true;
      // In a page that is thawed it would be dead without a word.
      ending.abort();
      ending = new AbortController();
      wakeAll();
    },
  };
}
