/** What `npm run airtime` counts is what crosses: known bytes over TLS, and records in any pieces. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { it } from 'node:test';
import { connect, createServer } from 'node:tls';
import { differenceOf, startCountingProxy } from '../../loadtest/bench/airtime/counting-proxy.ts';
import { listenOn, makeIdentity } from '../../loadtest/bench/airtime/own-server.ts';
import { RECORD_COSTS_BYTES, TlsRecords } from '../../loadtest/bench/airtime/tls-records.ts';

/** As they are on the wire: `length` is of what is in it, its type and its tag. */
function record(type: number, length: number): Buffer {
  return Buffer.concat([Buffer.from([type, 3, 3, length >> 8, length & 255]), Buffer.alloc(length)]);
}

it('docs/airtime.md has the tables of the last result', () => {
  const results = new URL('../../loadtest/results/', import.meta.url);
  const last = readdirSync(results)
    .filter((name) => name.endsWith('-airtime.md'))
    .sort()
    .at(-1)!;
  const tablesOf = (file: URL) => readFileSync(file, 'utf8').match(/(^\|.*\n)+/gm)!;
  const shown = tablesOf(new URL('../../docs/airtime.md', import.meta.url));
  const measured = tablesOf(new URL(last, results));
  assert.equal(measured.length, 3);
  assert.deepEqual(shown.slice(0, 3), measured);
});

it('records are counted in whatever pieces they come', () => {
  const wire = Buffer.concat([record(22, 100), record(20, 1), record(23, 17 + 1), record(23, 17 + 300), record(21, 2)]);
  for (const size of [1, 2, 3, 7, 100, wire.length]) {
    const records = new TlsRecords();
    for (let at = 0; at < wire.length; at += size) records.push(wire.subarray(at, at + size));
    assert.deepEqual(records.now(), { bytes: wire.length, records: 2, payload: 301 }, `by ${size}`);
  }
});

it('the proxy passes on what it is given, and counts all of it, each way', async () => {
  const { bundle, ca } = makeIdentity();
  const server = createServer({ key: bundle, cert: bundle, minVersion: 'TLSv1.3' }, (socket) => {
    socket.on('error', () => {}).on('data', (sent) => socket.write(Buffer.alloc(100 * sent.length, sent)));
  });
  await using proxy = await startCountingProxy(await listenOn(server));
  const socket = connect({ port: proxy.port, host: '127.0.0.1', ca }).setNoDelay();
  try {
    await once(socket, 'secureConnect');
    const before = await proxy.quiet();
    assert.ok(before.up.bytes > 200 && before.down.bytes > 500, `a handshake crosses: ${JSON.stringify(before)}`);
    socket.write('abc');
    const [answered] = (await once(socket, 'data')) as [Buffer];
    assert.equal(answered.toString(), 'abc'.repeat(100));
    const after = differenceOf(await proxy.quiet(), before);
    assert.deepEqual(after, {
      up: { bytes: RECORD_COSTS_BYTES + 3, records: 1, payload: 3 },
      down: { bytes: RECORD_COSTS_BYTES + 300, records: 1, payload: 300 },
    });
  } finally {
    socket.destroy();
    server.close();
  }
});
