/**
 * One stream for the tabs of a profile: whoever has its lock leads, and hands every event to the others.
 *
 *   follower, polls from its own cursor ── the leader goes on from where we are ──► follower, listens
 *      │         ▲                                                                     │  │
 *      │         └──────── it does not: something is missing; the leader is gone ◄─────┘  │
 *      └── the lock is ours, or nobody answers and it is stolen ──► leader ◄──────────────┘
 *
 * Right whoever leads, and if two do: a message tells where its sender was before (`prev`), so a gap is seen, and what comes twice is
 * dropped by its position like anything else. The lock is kept between two attempts, or all tabs would hurry to a server that is away.
 */
import { tagOf } from './bytes.ts';
import { inTurn } from './in-turn.ts';
import type { Locks } from './locks.ts';
import { createPollTransport } from './poll-transport.ts';
import { isRepeat, partsOf } from './position.ts';
import type { Tokens } from './token.ts';
import type { Sink, StreamRequest, Told, Transport, TransportDeps } from './transport.ts';

export interface Broadcast {
  onmessage: unknown;
  postMessage(message: Message): void;
  close(): void;
}

export interface ShareDeps extends TransportDeps {
  readonly locks: Locks;
  readonly Channel: new (name: string) => Broadcast;
  /** Two users of one browser share nothing. */
  readonly tokens: Pick<Tokens, 'current'>;
}

interface Message {
  /** From a follower that has just come. All others are the leader's. */
  readonly kind?: 'hello';
  /** Where its sender was before; none where it leads no more. */
  readonly prev?: string | undefined;
  readonly told?: Told;
}

/** Whether who is at `seen` has everything that one at `cursor` has, of the same channels. */
function isCovered(cursor: string, seen = ''): boolean {
  const all = partsOf(seen);
  return partsOf(cursor).every((each, i) => isRepeat(each, all[i]));
}

/** Whoever leads answers at once, unless it is frozen or hangs. */
const ANSWER_MS = 2_000;

/** The same for all tokens of one user. */
function whoseIs(token = ''): string {
  try {
    const { iss, sub } = JSON.parse(atob(token.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/')));
    return sub ? `${iss} ${sub}` : token;
  } catch {
    return token;
  }
}

export type Share = (inner: Transport) => Promise<Transport>;

/** @param channels Tabs with the same ones share a stream. */
export function createShare(deps: ShareDeps, channels: readonly string[]): Share {
  /** Set while we lead. */
  let release: (() => void) | undefined;
  /** Told when the lock was stolen. */
  let stolen: (() => void) | undefined;

  function lead(name: string, how: { steal?: boolean; ifAvailable?: boolean; signal?: AbortSignal }): Promise<boolean> {
    return new Promise((resolve) => {
      const lost = () => {
        // Who only waited for it loses nothing: we may lead by another request.
        if (!how.signal) {
          release = undefined;
          stolen?.();
        }
        resolve(false);
      };
      deps.locks
        .request(name, how, (lock) => {
          if (!lock || how.signal?.aborted) return resolve(false);
          return new Promise<void>((end) => {
            release = end;
            // It waits no more.
            how = {};
            resolve(true);
          });
        })
        .catch(lost);
    });
  }

  return async (inner) => {
    const who = whoseIs(deps.tokens.current());
    const name = `smallchange ${deps.base} ${who && (await tagOf(who))} ${channels}`;
    function open(request: StreamRequest, sink: Sink): () => void {
      const channel = new deps.Channel(name);
      const ending = new AbortController();
      const tell = inTurn(sink);
      const poll = createPollTransport(deps);
      let position = request.cursor;
      let isListening = false;
      /** Whether it was told how its channels begin, which a leader does not tell. */
      let isOpen = false;
      let endSource = () => {};
      let endTimer = () => {};

      /** What a source of our own says, and, while we lead, to all. */
      function say(message: Message): void {
        if (release) channel.postMessage(message);
      }

      function sayWhere(): void {
        say({ prev: position });
      }

      function read(source: Transport, cursor: string | undefined): void {
        endSource();
        let isCurrent = true;
        const end = source.open(
          { ...request, cursor },
          {
            alive() {
              if (!isCurrent) return;
              sink.alive();
              sayWhere();
            },
            tell(told) {
              if (!isCurrent) return undefined;
              const prev = position;
              moved(told);
              isOpen ||= told.event === '$sync';
              if (told.event === 'message') say({ prev, told });
              return sink.tell(told);
            },
            ended(how) {
              if (!isCurrent) return;
              say({});
              sink.ended(how);
            },
          },
        );
        endSource = () => {
          isCurrent = false;
          end();
        };
      }

      function moved({ event, id, data }: Told): void {
        // Resumed, who brought a cursor is there already; who brought a word is told here where that is.
        const isAnew = event === '$snapshot' || (event === '$sync' && /"(fresh|reset)"/.test(data as string));
        if (id && (isAnew || !isCovered(id, position))) position = id;
      }

      function heard({ data: { kind, prev, told } }: { data: Message }): void {
        if (kind === 'hello') sayWhere();
        if (release || kind === 'hello') return;
        endTimer();
        sink.alive();
        const fits = isOpen && prev !== undefined && isCovered(prev, position);
        if (fits && !isListening) endSource();
        if (!fits && isListening) read(poll, position);
        isListening = fits;
        if (!fits || !told) return;
        moved(told);
        tell(told);
      }

      function follow(): void {
        read(poll, position);
        channel.postMessage({ kind: 'hello' });
        endTimer = deps.clock.after(ANSWER_MS, () => void lead(name, { steal: true }).then(begin));
        void lead(name, { signal: ending.signal }).then(begin);
      }

      function begin(leads: boolean): void {
        if (!leads || ending.signal.aborted) return;
        endTimer();
        isListening = false;
        stolen = () => sink.ended({ reason: 'cut' });
        read(inner, position);
      }

      channel.onmessage = heard;
      if (release) begin(true);
      else
        void lead(name, { ifAvailable: true }).then((leads) => {
          if (leads) begin(true);
          else if (!ending.signal.aborted) follow();
        });
      return () => {
        endTimer();
        endSource();
        ending.abort();
        channel.close();
      };
    }

    return {
      name: 'shared',
      hearsHeartbeats: true,
      open,
      leave() {
        release?.();
        release = undefined;
      },
    };
  };
}
