/** A socket that becomes a stream takes nothing of the HTTP layer along: a stream is to cost a socket and little more. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { it } from 'node:test';
import { openConnections, TAKEN } from '../../src/http/connections.ts';
import { createPace } from '../../src/http/pace.ts';
import { createMetrics } from '../../src/metrics.ts';

it('a connection is forgotten the moment its socket is taken, not with the next look', async () => {
  const server = createServer();
  const connections = openConnections(server, { stallMs: 60_000, pace: createPace(), metrics: createMetrics() });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  try {
    const [socket] = await once(server, 'connection');
    assert.equal([...connections].length, 1);
    socket.emit(TAKEN);
    assert.equal([...connections].length, 0);
  } finally {
    client.destroy();
    server.close();
    await once(server, 'close');
  }
});
