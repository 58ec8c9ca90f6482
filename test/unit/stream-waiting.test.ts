/** Streams that come faster than they can be opened wait, up to a bound: who comes then is refused at once. */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { startHttpGateway } from '../support/http-gateway.ts';
import { waitFor } from '../support/wait.ts';

const COUNT = 200;
const TOGETHER = 10;
const strict = { accept: 'text/event-stream' };

/** So many streams whose channels are there in the same moment; then one more. @returns What that is answered, and the room of all. */
async function storm(waitingMax: number): Promise<string> {
  let letGo = () => {};
  const isLet = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  let asked = 0;
  await using lab = await startHttpGateway({ maxStreams: 1_000, waitingMax }, (engine) => ({
    ...engine,
    async subscribe(...args) {
      asked++;
      await isLet;
      return engine.subscribe(...args);
    },
  }));
  let opened = 0;
  const open = (channel: string, answered: (text: string) => void) => {
    const client = connect(lab.http.port, '127.0.0.1');
    client
      .setEncoding('latin1')
      .once('data', answered)
      .on('error', () => {});
    client.write(`GET /c/${channel}/events?strict=1 HTTP/1.1\r\nHost: localhost\r\nAccept: ${strict.accept}\r\n\r\n`);
    return client;
  };
  const clients: Socket[] = [];
  try {
    while (clients.length < COUNT) {
      clients.push(open(`room-${clients.length}`, () => opened++));
      // Those that connect in one moment wait before they ask; here all are to wait behind it.
      if (clients.length % TOGETHER > 0) continue;
      const what = () => `${clients.length} to wait for their channel, ${asked} do`;
      await waitFor(() => asked === clients.length, { what, everyMs: 1 });
    }
    letGo();
    // Their channels are there: a few are opened in this turn, and the others wait.
    await turn();
    const last = lab.http.app.inject({ url: '/c/room-0/events?strict=1', headers: strict });
    const refusal = last.then(({ statusCode, body }) => `${statusCode} ${JSON.parse(body).code}`);
    const all = waitFor(() => opened === COUNT, { what: () => `${COUNT} to be opened, ${opened} are` });
    return await Promise.race([refusal, all.then(() => 'not refused')]);
  } finally {
    for (const client of clients) client.destroy();
  }
}

it('one more may wait where there is room for it', async () => {
  assert.equal(await storm(COUNT), 'not refused');
});

it('one more is refused where as many wait as may', async () => {
  assert.equal(await storm(20), '503 overloaded');
});
