/**
 * What one change and one event of a single byte weigh on the wire, TLS included, beside other ways to do the same.
 *
 * Why this is a valid comparison: every client talks through the same proxy on loopback, which passes on what it is given and counts it, so
 * that nothing is computed and nothing forgotten: frames, headers, records, handshakes, acknowledgements of windows. All have TLS 1.3
 * and a certificate of one kind, and clients of Node with the fields that they add by themselves. One thing at a time is sent, and
 * counted once nothing crosses any more. Ours is behind HAProxy, as it is run; the others end their own TLS, with as little as
 * their libraries let them: what proxies would add to them is not held against them. Headers of TCP and IP are not counted, which
 * are another 40 bytes or more for each packet, the same for all.
 *
 * Aims: a POST over HTTP/2 with the session cookie 60 bytes up and 40 down inside the records, after the first; an event 45 down.
 *
 * npm run airtime [-- --rounds 20]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { longPollWays } from './airtime/long-poll.ts';
import { type Measured, measure, ROUNDS } from './airtime/measure.ts';
import { mqttWays } from './airtime/mqtt.ts';
import { ourWays } from './airtime/ours.ts';
import { makeIdentity } from './airtime/own-server.ts';
import { socketIoWays } from './airtime/socket-io.ts';
import { aimsTable, eachTable, firstTable } from './airtime/tables.ts';
import { websocketWays } from './airtime/websocket.ts';
import { isReduced, numbersOf } from './options.ts';
import { publish } from './report.ts';

const { rounds } = numbersOf({ rounds: ROUNDS });
const page = new URL('../../docs/airtime.md', import.meta.url);

const identity = makeIdentity();
const measured: Measured[] = [];
for (const start of [ourWays, websocketWays, socketIoWays, mqttWays, longPollWays]) {
  await using server = await start(identity);
  for (const way of server.ways) {
    measured.push(await measure(way, rounds));
    console.log(way.name);
  }
}

const tables = [aimsTable(measured), eachTable(measured), firstTable(measured)].join('\n\n');
publish(
  'airtime',
  'One byte on the wire, TLS included',
  `Bytes; each is the median of ${rounds}, in brackets what is inside the TLS records.\n\n${tables}`,
);
if (!isReduced()) {
  const text = readFileSync(page, 'utf8');
  const between = /(<!-- airtime -->\n)[\s\S]*?(<!-- \/airtime -->)/;
  if (!between.test(text)) throw new Error('docs/airtime.md has no place for the tables');
  writeFileSync(
    page,
    text.replace(between, (_all, begin, end) => `${begin}\n${tables}\n\n${end}`),
  );
}
