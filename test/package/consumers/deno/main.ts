/** In Deno: sends a change, hears it, and ends by itself after `close()`; and the same with the fake server. */
import { type ChannelEvent, type Connection, connect } from 'smallchange/client';
import { createFakeServer } from 'smallchange/testing';

const [url = 'http://localhost:8080', channel = 'demo'] = Deno.args;
const fake = createFakeServer();

async function once(connection: Connection): Promise<string> {
  const first = new Promise<ChannelEvent>((resolve) => connection.subscribe(channel, resolve, { since: 'earliest' }));
  await connection.publish(channel, 'x');
  const { data, own } = await first;
  connection.close();
  return `${data} ${own}`;
}

console.log(await once(connect(url, { name: 'consumer', storage: 'memory' })));
console.log(await once(connect(fake.url, fake.options)));
