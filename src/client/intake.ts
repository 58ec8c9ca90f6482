/**
 * What a stream is told becomes calls to listeners: here a repeat is dropped, and here is where each channel is, which moves only with what
 * was handed over. A reset comes to the app with its snapshot in it, before any event that follows.
 */
import type { BatchLimits } from './batch.ts';
import type { ChannelEvent, Reset, Snapshot, SubscribeOptions } from './contract.ts';
import { type Envelope, eventOf, type StateBody, snapshotOf } from './envelope.ts';
import type { Listeners } from './listeners.ts';
import { isRepeat, partsOf } from './position.ts';
import type { Told } from './transport.ts';

export interface Listener extends Pick<SubscribeOptions, 'onReset' | 'onLagged'> {
  readonly event: (event: ChannelEvent) => void;
}

/** By channel. */
export type Audience = Listeners<string, Listener>;

export interface IntakeDeps {
  readonly channels: readonly string[];
  readonly since: string | undefined;
  readonly audience: Audience;
  readonly isOwn: (from?: string) => boolean;
  readonly state: (channel: string) => Promise<Snapshot>;
}

export interface Sync extends BatchLimits {
  readonly status: 'fresh' | 'resumed' | 'reset' | 'degraded' | 'recovered' | (string & {});
  readonly channels?: Readonly<Record<string, { readonly status: string; readonly lost?: number | null }>>;
  readonly heartbeatMs?: number;
}

export interface Intake {
  /** In the order of the URL. */
  readonly channels: readonly string[];
  /** To come back with: that of each channel that has one. */
  readonly cursor: string | undefined;
  /** From the next request on these: those that stay are where they are, new ones begin now. */
  follow(channels: readonly string[]): void;
  sync(sync: Sync, id: string | undefined): void;
  /** @returns Whether it was an event, or a promise where something has to be asked for first. */
  take(told: Told): boolean | Promise<void>;
}

export function bodyOf<T>({ data }: Told): T {
  return (typeof data === 'string' ? JSON.parse(data) : data) as T;
}

export function createIntake({ channels: first, since, audience, isOwn, state }: IntakeDeps): Intake {
  let channels = first;
  /** A cursor; or a word, until the server has said where that is. A snapshot that was fetched apart may be ahead of the stream. */
  const positions = new Map<string, string>();
  if (since) positions.set(channels[0]!, since);
  /** Told by `$sync`; their snapshots are to come. */
  const resets = new Map<string, number | null>();

  /** Each channel forward; one that is reset wherever it is. A word becomes a cursor, and who was resumed stays where it is. */
  function moveTo(id = ''): void {
    for (const [i, own] of partsOf(id).entries()) {
      const channel = channels[i]!;
      if (own && (resets.has(channel) || !isRepeat(own, positions.get(channel)))) positions.set(channel, own);
    }
  }

  function reset(told: Reset): void {
    audience.each(told.channel, ({ onReset }) => onReset?.(told));
  }

  function takeEvent(envelope: Envelope, id: string): void {
    const { channel = channels[0]!, erased } = envelope;
    const own = partsOf(id)[channels.indexOf(channel)] ?? '';
    if (isRepeat(own, positions.get(channel))) return;
    moveTo(id);
    for (const [name, lost] of resets) reset({ channel: name, lost });
    resets.clear();
    const event = eventOf(envelope, own, channel, isOwn);
    if (!erased) audience.each(channel, (listener) => listener.event(event));
  }

  function takeSnapshot(body: StateBody, id: string | undefined): false | Promise<void> {
    const { channel = channels[0]! } = body;
    const give = (snapshot: Snapshot) => {
      // The state to begin with, where nothing was lost.
      const lost = resets.has(channel) ? resets.get(channel)! : 0;
      moveTo(id);
      positions.set(channel, snapshot.cursor);
      resets.delete(channel);
      reset({ channel, lost, snapshot });
    };
    if (body.snapshotUrl !== undefined) return state(channel).then(give);
    give(snapshotOf(channel, body));
    return false;
  }

  return {
    get channels() {
      return channels;
    },
    get cursor() {
      return channels.flatMap((channel) => positions.get(channel) ?? []).join('~') || undefined;
    },
    follow(next) {
      for (const channel of channels) {
        if (!next.includes(channel)) for (const known of [positions, resets]) known.delete(channel);
      }
      channels = next;
    },
    sync({ channels: each = {} }, id) {
      for (const [channel, { status, lost = null }] of Object.entries(each)) {
        if (status === 'reset') resets.set(channel, lost);
      }
      moveTo(id);
    },
    take(told) {
      switch (told.event) {
        case 'message':
        case '$binary':
          takeEvent(bodyOf(told), told.id ?? '');
          return true;
        case '$snapshot':
          return takeSnapshot(bodyOf(told), told.id);
        case '$lagged': {
          const { channel = channels[0]!, folded } = bodyOf<{ channel?: string; folded: number }>(told);
          audience.each(channel, ({ onLagged }) => onLagged?.(folded));
          break;
        }
        case '$at':
          moveTo(told.id);
      }
      return false;
    },
  };
}
