/** The reader that a browser is: an EventSource (undici's), which comes back by itself and knows its position by itself. */
import { EventSource, type MessageEvent } from 'undici';
import { eventsPath, Notes, type Reader, type ReaderOptions } from './reader.ts';

/** The types a page would listen to. */
const TYPES = ['message', '$binary', '$sync', '$snapshot', '$bye', '$overloaded'];

/** A page that is reloaded by its user. */
const REOPEN_MS = 500;

export function startEventSource(options: ReaderOptions): Reader {
  const notes = new Notes(options);
  let source = open('');
  let isStopped = false;

  function open(since: string): EventSource {
    const path = eventsPath(options.channels, since === '' ? '' : `&since=${since}`);
    const opened = new EventSource(`${options.url}${path}`);
    opened.addEventListener('open', () => notes.opened());
    opened.addEventListener('error', () => {
      if (isStopped) return;
      const forEver = opened.readyState === EventSource.CLOSED;
      notes.closed(forEver ? 'closed' : 'lost', forEver);
      if (forEver) setTimeout(reopen, REOPEN_MS);
    });
    for (const type of TYPES) {
      opened.addEventListener(type, (event) => {
        const { data, lastEventId } = event as MessageEvent;
        // A control frame without an id of its own has the one before it.
        const cursor = type === 'message' || lastEventId !== notes.cursor ? lastEventId : '';
        notes.frame(type, cursor, String(data));
      });
    }
    return opened;
  }

  function reopen(): void {
    if (!isStopped) source = open(notes.cursor);
  }

  return {
    name: options.name,
    channels: options.channels,
    stop() {
      isStopped = true;
      source.close();
    },
  };
}
