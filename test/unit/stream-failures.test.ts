/** An error that nobody expects while a stream catches up ends that stream, is logged, and is nobody else's. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { startHttpGateway } from '../support/http-gateway.ts';
import { openSse } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';

/** As many as a page of history has. */
const PAGE_EVENTS = 500;

it('ends the stream whose second page is a mistake of ours, and no other', async () => {
  const bad = 'bad';
  await using lab = await startHttpGateway({}, (engine) => ({
    ...engine,
    readHistory(channel, after, ...rest) {
      if (channel === bad && after?.offset === PAGE_EVENTS) return Promise.reject(new TypeError('a bug'));
      return engine.readHistory(channel, after, ...rest);
    },
  }));
  await lab.bench.commit(0, [{ channel: bad, events: Array<string>(2_000).fill('x') }]);
  const good = await openSse(`${lab.http.url}/c/good/events`);
  const reader = await openSse(`${lab.http.url}/c/${bad}/events?since=earliest`);
  try {
    await waitFor(() => reader.isEnded, { what: 'the stream to be ended' });
    assert.equal(reader.frames.filter(({ event }) => event === 'message').length, PAGE_EVENTS);
    assert.deepEqual(
      lab.logged.map(({ level, msg }) => [level, msg]),
      [['error', 'a stream failed: it is ended']],
    );
    await lab.bench.put('good', 'still here');
    await waitFor(() => good.frames.some(({ data }) => data === 'still here'), {
      what: 'an event on the other stream',
    });
    assert.equal(lab.gateway.load().streams, 1);
  } finally {
    good.close();
    reader.close();
  }
});
