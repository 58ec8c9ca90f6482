/**
 * More clients than there is room for: a browser's EventSource, which gives up for ever on anything but 200, gets in by
 * itself once there is room; whoever asks to be told plainly is told when to come back (P20).
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventSource } from 'undici';
import { request } from '../support/http.ts';
import { startServer } from '../support/process.ts';
import { openSse } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';
import { openSocket } from '../support/wire.ts';
import { isLong, openStreams } from './kit.ts';

const MAX_STREAMS = isLong ? 2000 : 100;
const EXTRA = isLong ? 1000 : 40;
/** Some tries of each: they come back after 1 to 3 s. */
const GET_IN_MS = isLong ? 120_000 : 60_000;

/** An EventSource as it is, with what its page would know of it. */
class Client {
  readonly #source: EventSource;
  isIn = false;
  wasTurnedAway = false;
  hasGivenUp = false;

  constructor(url: string) {
    this.#source = new EventSource(url);
    this.#source.addEventListener('$sync', () => {
      this.isIn = true;
    });
    this.#source.addEventListener('$overloaded', () => {
      this.wasTurnedAway = true;
    });
    this.#source.addEventListener('error', () => {
      this.isIn = false;
      if (this.#source.readyState === EventSource.CLOSED) this.hasGivenUp = true;
    });
  }

  close(): void {
    this.#source.close();
  }
}

describe('over capacity', () => {
  it(`${MAX_STREAMS + EXTRA} EventSources for ${MAX_STREAMS} places`, async () => {
    await using server = await startServer({ env: { MAX_STREAMS: String(MAX_STREAMS) } });
    const url = `${server.url}/c/crowd/events`;
    const clients = Array.from({ length: MAX_STREAMS + EXTRA }, () => new Client(url));
    const inside = () => clients.filter(({ isIn }) => isIn);
    try {
      await waitFor(() => inside().length === MAX_STREAMS && clients.every((each) => each.isIn || each.wasTurnedAway), {
        timeoutMs: GET_IN_MS,
        what: () => `${MAX_STREAMS} to be in, ${inside().length} are, and all others to be turned away`,
      });
      assert.equal(await openStreams(server), MAX_STREAMS);

      const plain = await request(server.url, '/c/crowd/events?strict=1', { headers: { accept: 'text/event-stream' } });
      assert.equal(plain.status, 503);
      assert.match(plain.headers['retry-after'] ?? '', /^[1-9]\d*$/);
      await using polite = await openSse(url, { headers: { accept: 'text/event-stream' } });
      assert.deepEqual([polite.status, polite.headers['x-overloaded']], [200, '1']);
      const frame = await polite.next();
      assert.equal(frame.event, '$overloaded');
      assert.ok(frame.retry! > 0, 'it says when to come back');

      const left = inside().slice(0, EXTRA);
      for (const client of left) client.close();
      const staying = clients.filter((client) => !left.includes(client));
      await waitFor(() => staying.every(({ isIn }) => isIn), {
        timeoutMs: GET_IN_MS,
        what: () => `all ${staying.length} to be in; ${staying.filter(({ isIn }) => isIn).length} are`,
      });
      assert.ok(clients.every(({ hasGivenUp }) => !hasGivenUp));
      assert.equal(await openStreams(server), MAX_STREAMS);
    } finally {
      for (const client of clients) client.close();
    }
    await waitFor(async () => (await openStreams(server)) === 0, { what: 'no stream to be left' });
  });

  it('of many that come in the same moment no more are taken than there is room for', async () => {
    await using server = await startServer({ env: { MAX_STREAMS: String(MAX_STREAMS) } });
    const answers = Array<string>(4 * MAX_STREAMS).fill('');
    const clients = answers.map((_, i) => {
      const client = openSocket(server.url);
      client.setEncoding('latin1').on('data', (text: string) => {
        answers[i] += text;
      });
      return client.on('error', () => {});
    });
    try {
      await waitFor(() => clients.every(({ connecting }) => !connecting), { what: 'all to be connected' });
      for (const client of clients) client.write('GET /c/crowd/events?strict=1 HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await waitFor(() => answers.every((text) => text !== ''), { what: 'all to be answered' });
      const having = (status: number) => answers.filter((text) => text.startsWith(`HTTP/1.1 ${status} `)).length;
      assert.deepEqual([having(200), having(503)], [MAX_STREAMS, 3 * MAX_STREAMS]);
    } finally {
      for (const client of clients) client.destroy();
    }
  });
});
