/** In Node: sends a change, hears it, and ends by itself after `close()`. */
import { type ChannelEvent, ClientError, type ConnectOptions, connect } from 'smallchange/client';

const [, , url = 'http://localhost:8080', channel = 'demo'] = process.argv;
const options: ConnectOptions = { name: 'consumer', storage: 'memory' };
const connection = connect(url, options);
const first = new Promise<ChannelEvent>((resolve) => connection.subscribe(channel, resolve, { since: 'earliest' }));
await connection.publish(channel, 'x');
const { data, own } = await first;
connection.close();
const refusal = await connection.publish(channel, 'y').catch((error: unknown) => error);
console.log(data, own, refusal instanceof ClientError && refusal.code);
