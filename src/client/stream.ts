/**
 * One stream, from its first attempt to its end.
 *
 *   connecting ──── $sync ────► open
 *    ▲  ▲   │                    │  cut, silent for 1.5 heartbeats and 2 s, $bye, $overloaded
 *    │  │   └─ no answer ─► offline ◄──┘        after the back-off, or the server's own `retry`: connecting
 *    │  │   └─ 401 twice, 4xx, three answers that are not our server's ─► failed
 *    │  └── attempt(): `online`, visible, reconnect(); from offline and failed; from open where the last byte is too old
 *    │
 *   parked ◄──── from any of them: nobody looks at the page, or it is frozen, or in the back/forward cache
 *
 *   closed: from any of them, for ever
 *
 * Invariant: nothing that comes of an attempt counts once the next has begun. The cursor (`intake.ts`) outlives them all.
 */
import { createBackoff } from './backoff.ts';
import type { ClientClock } from './clock.ts';
import type { Problem, Status } from './contract.ts';
import { bodyOf, type Intake, type Sync } from './intake.ts';
import type { Tokens } from './token.ts';
import type { Ending, Query, Told, Transport } from './transport.ts';
import type { Transports } from './transports.ts';
import { watch } from './watchdog.ts';

export interface StreamDeps {
  readonly clock: ClientClock;
  readonly random: () => number;
  readonly tokens: Tokens;
  readonly transports: Transports;
  readonly changed: () => void;
  readonly report: (thrown: unknown) => void;
  /** By its first frame, which alone tells what holds for who sends. */
  readonly opened: (sync: Sync) => void;
}

/** One for all tabs, where that can be. */
export type ShareStream = ((transport: Transport) => Promise<Transport>) | undefined;

export interface StreamWish {
  readonly query: Query;
  readonly intake: Intake;
}

export interface Stream {
  readonly status: Status;
  /** Now, unless it is open and well. @param isSure That what is open is dead. */
  attempt(isSure?: boolean): void;
  /** Begins, or goes on with other channels: now, unless it is parked. */
  follow(channels: readonly string[], share: ShareStream): void;
  park(): void;
  close(): void;
}

/** Long enough that what dies of its own opening has died. */
const STEADY_MS = 5_000;
/** `$sync` comes with the head of the answer. Two waits, so that a page that stood still for one of them still sees what had come. */
const FIRST_FRAME_MS = 2_000;
const FIRST_FRAME_WAITS = 2;
/** Where there is nothing else to try: ten seconds. */
const CONNECT_WAITS = 5;
const STRANGERS_MAX = 3;
/** Until `$sync` tells. */
const HEARTBEAT_MS = 20_000;
/** Of `$auth`, what is no refusal. */
const NO_REFUSAL = ['renewed', 'narrowed', 'unavailable'];
/** `online` and visible come together: what was begun so lately is not begun again. */
const JUST_NOW_MS = 1_000;

export function createStream(deps: StreamDeps, { query, intake }: StreamWish): Stream {
  const { clock, tokens, transports } = deps;
  const backoff = createBackoff(deps.random);
  let share: ShareStream;
  let status: Status = { state: 'connecting' };
  let attempts = 0;
  const cleanups: (() => void)[] = [];
  let transport: Transport | undefined;
  let openedMs: number | undefined;
  let aliveMs = 0;
  let heartbeatMs = HEARTBEAT_MS;
  let retryMs: number | undefined;
  /** With which it was opened. */
  let token: string | undefined;
  let isSteady = false;
  let isRenewed = false;
  let strangers = 0;

  function set(next: Status): void {
    status = next;
    deps.changed();
  }

  function later(ms: number, run: () => void): void {
    cleanups.push(clock.after(ms, run));
  }

  /** Ends the attempt under way, with its timers. */
  function stop(): void {
    attempts++;
    for (const cleanup of cleanups.splice(0)) cleanup();
  }

  /** And none follows for now. */
  function leave(): void {
    stop();
    transport?.leave?.();
  }

  async function connect(): Promise<void> {
    stop();
    const mine = attempts;
    const isCurrent = () => mine === attempts;
    openedMs = undefined;
    isSteady = false;
    aliveMs = clock.elapsedMs();
    set({ state: 'connecting' });
    try {
      const headers = await tokens.headers();
      token = tokens.current();
      const inner = await transports.pick(tokens.isUsed);
      const next = share ? await share(inner) : inner;
      if (!isCurrent()) return;
      transport = next;
      later(FIRST_FRAME_MS, () => firstFrameIsLate(1));
      const close = next.open(
        { channels: intake.channels, query, headers, cursor: intake.cursor },
        {
          alive() {
            if (isCurrent()) aliveMs = clock.elapsedMs();
          },
          tell: (told) => (isCurrent() ? tell(told) : undefined),
          ended(ending) {
            if (isCurrent()) ended(ending);
          },
        },
      );
      if (isCurrent()) cleanups.push(close);
      else close();
    } catch (thrown) {
      if (!isCurrent()) return;
      // The app's token(), or a part that could not be loaded: then what needs no loading is next.
      transports.forgive();
      deps.report(thrown);
      ended({ reason: tokens.isUsed ? 'no-token' : 'cut' });
    }
  }

  function firstFrameIsLate(waits: number): void {
    if (openedMs !== undefined) return;
    const mayFall = transport!.name !== 'poll' && transports.hasOther;
    if (waits < (mayFall ? FIRST_FRAME_WAITS : CONNECT_WAITS)) {
      later(FIRST_FRAME_MS, () => firstFrameIsLate(waits + 1));
    } else {
      if (mayFall) transports.avoid('buffered');
      ended({ reason: mayFall ? 'buffered' : 'cut' });
    }
  }

  function tell(told: Told): Promise<void> | undefined {
    // The `retry` of a refusal is for who can bring no other token.
    if (told.event === '$auth' && tokens.isUsed && auth(bodyOf<{ status: string }>(told).status)) return undefined;
    retryMs = told.retryMs ?? retryMs;
    aliveMs = clock.elapsedMs();
    if (told.event === '$sync') {
      opened(bodyOf<Sync>(told), told.id);
      return undefined;
    }
    if (told.event === '$bye' || told.event === '$overloaded') {
      const { reason = 'overloaded' } = bodyOf<{ reason?: string }>(told);
      const isPolite = told.event === '$bye' && openedMs !== undefined;
      if (isPolite) goodbye(reason);
      else ended({ reason });
      return undefined;
    }
    const taken = intake.take(told);
    if (taken === true) isSteady = true;
    return typeof taken === 'boolean' ? undefined : taken;
  }

  function opened(sync: Sync, id: string | undefined): void {
    intake.sync(sync, id);
    heartbeatMs = sync.heartbeatMs ?? heartbeatMs;
    if (openedMs === undefined) {
      openedMs = clock.elapsedMs();
      deps.opened(sync);
      isRenewed = false;
      strangers = 0;
      if (transport!.hearsHeartbeats) {
        watch({ clock, later, heartbeatMs, aliveMs: () => aliveMs, silent: () => ended({ reason: 'silent' }) });
      }
      const againInMs = transports.againInMs();
      if (againInMs > 0) later(againInMs, connect);
    }
    const reason = sync.status === 'degraded' ? { reason: sync.status } : {};
    set({ state: 'open', transport: transport!.name, ...reason });
  }

  /** P34, P35. What is open stays while there is no other token: an app may keep one until it has expired. */
  function auth(said: string): boolean {
    const mine = attempts;
    const isDue = () => mine === attempts && token !== tokens.current();
    if (said === 'expiring') tokens.refresh().then(() => (isDue() ? connect() : undefined), deps.report);
    else if (NO_REFUSAL.includes(said)) return false;
    else ended({ reason: 'unauthorized' });
    return true;
  }

  function goodbye(reason: string): void {
    stop();
    backoff.reset();
    wait(retryMs ?? backoff.nextMs(), reason);
    backoff.reset();
  }

  function ended({ reason, retryMs: askedMs, problem }: Ending): void {
    const wasOpen = openedMs !== undefined;
    if (isSteady || (wasOpen && clock.elapsedMs() - openedMs! >= STEADY_MS)) backoff.reset();
    stop();
    if (!wasOpen && transport?.name === 'poll') transports.forgive();
    const failure = failureOf(reason, problem);
    if (failure) fail(failure);
    else if (mayGoOnAtOnce(reason)) void connect();
    else wait(backoff.nextMs(askedMs ?? retryMs), reason);
  }

  /** What comes back only when somebody does something. */
  function failureOf(reason: string, problem?: Problem): string | undefined {
    if (reason === 'rejected') return problem?.code ?? reason;
    if (reason === 'not-our-server') return ++strangers < STRANGERS_MAX ? undefined : reason;
    if (reason !== 'unauthorized') return undefined;
    return isRenewed || !tokens.renew() ? reason : undefined;
  }

  /** Another transport, or another token: once. */
  function mayGoOnAtOnce(reason: string): boolean {
    if (reason === 'unauthorized') {
      isRenewed = true;
      return true;
    }
    if (reason === 'no-streaming' && transports.hasOther) {
      transports.avoid('no-streaming');
      return true;
    }
    return reason === 'buffered';
  }

  function wait(ms: number, reason: string): void {
    later(ms, connect);
    set({ state: 'offline', reason, retryInMs: ms });
  }

  function fail(reason: string): void {
    strangers = 0;
    isRenewed = false;
    leave();
    set({ state: 'failed', reason });
  }

  return {
    get status() {
      return status;
    },
    attempt(isSure = false) {
      const { state } = status;
      const quietMs = clock.elapsedMs() - aliveMs;
      const isWell = state === 'open' && !isSure && quietMs <= heartbeatMs;
      if (state === 'closed' || isWell || (state === 'connecting' && quietMs < JUST_NOW_MS)) return;
      void connect();
    },
    follow(channels, shared) {
      intake.follow(channels);
      leave();
      share = shared;
      if (status.state !== 'parked') void connect();
    },
    park() {
      if (status.state === 'closed') return;
      leave();
      set({ state: 'parked', reason: 'hidden' });
    },
    close() {
      status = { state: 'closed' };
      leave();
    },
  };
}
