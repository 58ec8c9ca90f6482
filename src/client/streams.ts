/**
 * Which channels share a stream: those with the same wishes, 16 at most (P9). For a channel that comes later the stream is asked for anew,
 * once a turn, with the cursors of those that are there: they go on where they are (P40), and nobody is told `reset`.
 *
 * A second listener joins what is there. One that brings a cursor, or wants the state of what is there already, has a stream of its own.
 */
import { whenAborted } from './aborted.ts';
import type { ChannelEvent, Status, SubscribeOptions } from './contract.ts';
import { WITH } from './envelope.ts';
import { type Audience, createIntake, type IntakeDeps } from './intake.ts';
import { createListeners } from './listeners.ts';
import { createStream, type ShareStream, type Stream, type StreamDeps } from './stream.ts';

export interface StreamsDeps extends StreamDeps, Pick<IntakeDeps, 'isOwn' | 'state'> {
  /** @returns How a stream of these channels is shared with other tabs, if at all. */
  readonly share?: (channels: readonly string[]) => ShareStream;
}

export interface Streams {
  readonly statuses: readonly Status[];
  subscribe(channel: string, listener: (event: ChannelEvent) => void, options: SubscribeOptions): () => void;
  each(act: (stream: Stream) => void): void;
  close(): void;
}

interface Group {
  readonly audience: Audience;
  /** In the order of the URL. */
  channels: Set<string>;
  readonly options: SubscribeOptions;
  /** Whether there are others than its stream has. */
  isChanged?: boolean;
  stream?: Stream;
}

/** P9. */
const CHANNELS_MAX = 16;

export function createStreams(deps: StreamsDeps): Streams {
  const groups = new Set<Group>();
  let isDue = false;

  function groupFor(channel: string, options: SubscribeOptions): Group {
    const found = [...groups].find(({ channels, stream, options: its }) => {
      if ((options.since ?? its.since) !== undefined || its.conflateMs !== options.conflateMs) return false;
      const isThere = channels.has(channel);
      if (isThere && stream) return !options.snapshot;
      return (isThere || channels.size < CHANNELS_MAX) && !its.snapshot === !options.snapshot;
    });
    const group: Group = found ?? { audience: createListeners(deps.report), channels: new Set(), options };
    groups.add(group);
    group.isChanged ||= !group.channels.has(channel);
    group.channels.add(channel);
    return group;
  }

  /** Once for all that one turn of the app does: what is given up and taken again meanwhile stays as it is. */
  function settleSoon(): void {
    if (!isDue) queueMicrotask(settle);
    isDue = true;
  }

  function settle(): void {
    isDue = false;
    for (const group of groups) {
      const wanted = [...group.channels].filter((channel) => group.audience.has(channel));
      if (wanted.length === 0) {
        groups.delete(group);
        group.stream?.close();
      } else if (group.isChanged) run(group, wanted.sort());
    }
    deps.changed();
  }

  function run(group: Group, channels: readonly string[]): void {
    const { since, snapshot, conflateMs } = group.options;
    group.isChanged = false;
    group.channels = new Set(channels);
    if (!group.stream) {
      const query = {
        with: WITH,
        snapshot: snapshot ? 1 : undefined,
        conflate: conflateMs === undefined ? undefined : `${conflateMs}ms`,
      };
      const intake = createIntake({ ...deps, channels, since, audience: group.audience });
      group.stream = createStream(deps, { query, intake });
    }
    group.stream.follow(channels, conflateMs === undefined && !snapshot ? deps.share?.(channels) : undefined);
  }

  return {
    get statuses() {
      return [...groups].map(({ stream }) => stream?.status ?? ({ state: 'connecting' } as const));
    },
    subscribe(channel, event, options) {
      const group = groupFor(channel, options);
      const leave = group.audience.add(channel, { ...options, event });
      settleSoon();
      const end = () => {
        if (leave()) settleSoon();
      };
      whenAborted(options.signal, end);
      return end;
    },
    each(act) {
      for (const { stream } of groups) if (stream) act(stream);
    },
    close() {
      for (const { audience, stream } of groups) {
        audience.clear();
        stream?.close();
      }
      groups.clear();
    },
  };
}
