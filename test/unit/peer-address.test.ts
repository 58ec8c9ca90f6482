/** The address of a socket's other side, without what Node would keep of it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { it } from 'node:test';
import { peerAddressOf } from '../../src/http/peer-address.ts';

it('is what Node says, and nothing is kept at the socket', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  try {
    const keys = Reflect.ownKeys(socket).length;
    const address = peerAddressOf(socket);
    assert.equal(Reflect.ownKeys(socket).length, keys, 'this Node is not made as expected');
    assert.equal(address, socket.remoteAddress);
    assert.equal(peerAddressOf(socket), address, 'also once Node has kept it');
    socket.destroy();
    await once(socket, 'close');
    assert.equal(peerAddressOf(socket), socket.remoteAddress);
  } finally {
    client.destroy();
    server.close();
    await once(server, 'close');
  }
});
