/**
 * The reader on a train: cuts its own connection after a random number of bytes, and resumes from the last complete
 * frame's id. One that hears nothing for a while, not even a heartbeat, gives up and comes back as well.
 */
import { Agent, type ClientRequest, get } from 'node:http';
import type { Random } from '../../support/random.ts';
import { SseParser } from '../../support/sse.ts';
import { eventsPath, Notes, type Reader, type ReaderOptions } from './reader.ts';

export interface CuttingOptions extends ReaderOptions {
  readonly random: Random;
  /** Bytes of body after which it cuts: at random below this. */
  readonly cutBelowBytes: number;
}

/** Three heartbeats of the fleets here, which send them every second. */
const SILENCE_MAX_MS = 4_000;
const noReuse = new Agent({ keepAlive: false });

export function startCutting(options: CuttingOptions): Reader {
  const { url, channels, random, cutBelowBytes } = options;
  const notes = new Notes(options);
  let isStopped = false;
  let current: ClientRequest;

  function connect(): void {
    if (isStopped) return;
    let left = 1 + random.int(cutBelowBytes);
    let isOver = false;
    const over = (why: string) => {
      if (isOver) return;
      isOver = true;
      outgoing.destroy();
      if (isStopped) return;
      notes.closed(why);
      setTimeout(connect, 20 + random.int(200));
    };
    const since = notes.cursor;
    const headers = { accept: 'text/event-stream', ...(since === '' ? {} : { 'last-event-id': since }) };
    const outgoing = get(`${url}${eventsPath(channels)}`, { headers, agent: noReuse }, (response) => {
      if (response.statusCode !== 200) return over(`answered ${response.statusCode}`);
      notes.opened();
      const parser = new SseParser();
      response.on('data', (whole: Buffer) => {
        if (isOver || isStopped) return;
        const chunk = whole.subarray(0, left);
        left -= chunk.length;
        for (const { event, id, data } of parser.push(chunk)) {
          if (data !== undefined) notes.frame(event, id ?? '', data);
        }
        if (left === 0) over('cut');
      });
      response.on('error', () => over('lost'));
      response.on('close', () => over('lost'));
    });
    outgoing.setTimeout(SILENCE_MAX_MS, () => over('silent'));
    outgoing.on('error', () => over('refused'));
    current = outgoing;
  }

  connect();
  return {
    name: options.name,
    channels,
    stop() {
      isStopped = true;
      current.destroy();
    },
  };
}
