/**
 * The connection of this page, by `smallchange/client`: under one name, in one room at a time. What resumes, waits, is sent again or is
 * shared with other tabs is the library's work.
 */
import {
  type ChannelEvent,
  type Connection,
  connect,
  type Dropped,
  type Reset,
  type Status,
} from '../../client/client.ts';

export interface LineListener {
  event(event: ChannelEvent): void;
  reset(reset: Reset): void;
  status(status: Status): void;
  /** Changes without their 204. */
  pending(count: number): void;
  dropped(dropped: Dropped): void;
}

export interface Line {
  readonly pending: number;
  /** Leaves the room before it. @param since The cursor of what was seen there last. */
  enter(room: string, since: string | undefined): void;
  /** To the room that was entered last. */
  send(text: string): void;
  /** Resolves when what was sent before has gone out, and the next is sent under the new name. */
  rename(name: string): Promise<void>;
  retry(): void;
}

/** While something waits, or may, how often it is counted. */
const COUNT_MS = 250;

export function createLine(name: string, ask: typeof fetch, listener: LineListener): Line {
  let connection = open(name);
  let room: string | undefined;
  let cursor: string | undefined;
  let leave = () => {};
  let renaming = Promise.resolve();
  let counting: ReturnType<typeof setTimeout> | undefined;

  function open(who: string): Connection {
    // EventSource would hide the bytes, and is for browsers that are older than this page.
    const made = connect('/', { name: who, fetch: ask, transports: ['fetch', 'poll'] });
    made.addEventListener('status', (status) => {
      if (made !== connection || status.state === 'closed') return;
      listener.status(status);
      count();
    });
    made.addEventListener('dropped', listener.dropped);
    return made;
  }

  function count(): void {
    clearTimeout(counting);
    const { pending, status } = connection;
    listener.pending(pending);
    // Without a connection, what an earlier page has left is taken over at some time, and nobody is told.
    if (pending > 0 || !['open', 'parked', 'closed'].includes(status.state)) counting = setTimeout(count, COUNT_MS);
  }

  function listen(): void {
    if (room === undefined) return;
    const event = (each: ChannelEvent) => {
      cursor = each.id;
      listener.event(each);
    };
    const onReset = (reset: Reset) => {
      cursor = undefined;
      listener.reset(reset);
    };
    leave = connection.subscribe(room, event, { onReset, ...(cursor !== undefined && { since: cursor }) });
  }

  return {
    get pending() {
      return connection.pending;
    },
    enter(next, since) {
      leave();
      room = next;
      cursor = since;
      listen();
      count();
    },
    send(text) {
      if (room === undefined) return;
      connection.publish(room, text).then(count, count);
      count();
    },
    rename(next) {
      // One after the other: what is closed can wait for nothing.
      renaming = renaming
        .then(() => connection.flush())
        .then(() => {
          leave();
          connection.close();
          connection = open(next);
          listen();
        });
      return renaming;
    },
    retry: () => connection.reconnect(),
  };
}
