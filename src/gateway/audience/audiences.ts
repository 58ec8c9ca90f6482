/** All audiences of a gateway: one for each combination of channels, order and format that somebody reads. */
import type { Clock } from '../../clock.ts';
import type { Channel } from '../../domain/channel.ts';
import type { Complain } from '../complaints.ts';
import {
  type ControlFrame,
  type CursorForm,
  ENVELOPE_FIELDS,
  type EnvelopeField,
  type Format,
  type FormatName,
  type Heartbeat,
} from '../formats/format.ts';
import { createFormat } from '../formats/formats.ts';
import { acquireAll, type Hubs } from '../hub/hubs.ts';
import type { Turns } from '../turns.ts';
import { Audience, type AudienceDeps } from './audience.ts';
import { createSoon } from './soon.ts';

export interface AudienceWish {
  readonly channels: readonly Channel[];
  readonly format: Exclude<FormatName, 'json'>;
  readonly fields: ReadonlySet<EnvelopeField>;
  /** At most one frame per publisher's name in this time; 0 for every event at once. */
  readonly conflateMs: number;
  readonly heartbeat: Heartbeat;
  readonly cursors: CursorForm;
  /** What was before now is not for these readers: who has to start over does so from now. */
  readonly isPastClosed?: boolean;
}

export interface AudiencesDeps {
  readonly clock: Clock;
  readonly turns: Turns;
  readonly complain: Complain;
  /** Budget of all rings, bytes: of that, what conflating audiences hold back may take its part. */
  readonly ringMaxBytes: number;
  /** Told how many events have been written, summed over the streams. */
  readonly onDelivered: (events: number) => void;
}

/** Of the rings' budget. Above it, who adds to what is held back is flushed at once. */
const HELD_BACK_PART = 0.5;

export interface Audiences {
  /** The audience, with its hubs opened. Every `acquire` needs one `release`. Rejects when the engine does not answer. */
  acquire(wish: AudienceWish): Promise<Audience>;
  release(audience: Audience): void;
  /** Sends a control frame to every stream that is live, as its channels ask for; none where that is null. */
  announce(frameFor: (channels: readonly Channel[]) => ControlFrame | null): void;
}

interface Held {
  readonly key: string;
  readonly audience: Promise<Audience>;
  /** Once it is. */
  opened: Audience | null;
  members: number;
}

export function createAudiences(
  hubs: Hubs,
  { clock, turns, complain, ringMaxBytes, onDelivered }: AudiencesDeps,
): Audiences {
  const byKey = new Map<string, Held>();
  const byAudience = new WeakMap<Audience, Held>();
  const formats = new Map<string, Format>();
  let heldBackBytes = 0;
  const deps: AudienceDeps = {
    ...{ clock, turns, onDelivered, soon: createSoon(clock, turns.rest) },
    budget: {
      account(bytes) {
        heldBackBytes += bytes;
        hubs.account(bytes);
      },
      get isSpent() {
        return heldBackBytes > ringMaxBytes * HELD_BACK_PART;
      },
    },
    onError: (error) => complain(error, 'an audience failed: its streams are ended'),
  };
  /** The last one begun; one after the other. */
  let announcing: Promise<void> = Promise.resolve();

  /** A few dozen at most, one for each combination of options, so that an audience of one stream has none of its own. */
  function formatFor({ format, fields, channels, heartbeat, cursors }: AudienceWish): Format {
    const withChannel = channels.length > 1;
    const key = `${format} ${withChannel} ${heartbeat} ${cursors} ${fieldsOf(fields)}`;
    const known = formats.get(key) ?? createFormat(format, { fields, withChannel, heartbeat, cursors });
    formats.set(key, known);
    return known;
  }

  async function open(wish: AudienceWish): Promise<Audience> {
    const audience = new Audience(await acquireAll(hubs, wish.channels), formatFor(wish), wish.conflateMs, deps);
    audience.isPastClosed = wish.isPastClosed ?? false;
    return audience;
  }

  /** To those that are open, in as many turns as it takes. */
  async function announceToAll(frameFor: Parameters<Audiences['announce']>[0]): Promise<void> {
    for (const { opened } of byKey.values()) {
      const turn = turns.enter();
      if (turn) await turn;
      const frame = opened && frameFor(opened.hubs.map(({ channel }) => channel));
      if (frame) opened.announce(frame);
    }
  }

  return {
    async acquire(wish) {
      const key = keyOf(wish);
      const held = byKey.get(key) ?? { key, audience: open(wish), opened: null, members: 0 };
      byKey.set(key, held);
      held.members++;
      try {
        const audience = await held.audience;
        held.opened = audience;
        byAudience.set(audience, held);
        return audience;
      } catch (error) {
        if (byKey.get(key) === held) byKey.delete(key);
        throw error;
      }
    },
    release(audience) {
      const held = byAudience.get(audience)!;
      held.members--;
      if (held.members > 0) return;
      byKey.delete(held.key);
      audience.close();
      for (const hub of audience.hubs) hubs.release(hub);
    },
    announce(frameFor) {
      announcing = announcing.then(() => announceToAll(frameFor));
    },
  };
}

function keyOf({
  channels,
  format,
  fields,
  conflateMs,
  heartbeat,
  cursors,
  isPastClosed = false,
}: AudienceWish): string {
  return `${format} ${heartbeat} ${cursors} ${conflateMs} ${isPastClosed} ${fieldsOf(fields)} ${channels.join(',')}`;
}

function fieldsOf(fields: ReadonlySet<EnvelopeField>): string {
  return ENVELOPE_FIELDS.filter((field) => fields.has(field)).join(',');
}
