/** An audience is written to in portions: whoever stands behind the last full one gets what the first get (P15). */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isEvent } from '../contract/protocol/kit.ts';
import { startServer } from '../support/process.ts';
import { openSse } from '../support/sse.ts';
import { createPublisher } from './publisher.ts';

/** One more than are written to in a turn (512), which are sixteen times those looked at together (32). */
const STREAMS = 513;
const CHANGES = 5;

it(`each of ${STREAMS} streams of one channel gets every event once, in order`, async () => {
  await using server = await startServer();
  const readers = await Promise.all(Array.from({ length: STREAMS }, () => openSse(`${server.url}/c/room/events`)));
  await Promise.all(readers.map((reader) => reader.next()));
  await using publisher = createPublisher(server.url, 1);
  for (let seq = 1; seq <= CHANGES; seq++) {
    await publisher.deliver({ channel: 'room', from: 'p.1', seq, body: String(seq) });
    for (const reader of readers) assert.equal((await reader.next(isEvent)).data, String(seq));
  }
  for (const reader of readers) await reader[Symbol.asyncDispose]();
});
