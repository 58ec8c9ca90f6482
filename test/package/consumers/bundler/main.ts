/** In a page, by types alone: everything that the library exports, without any type of Node. */
import {
  type ChannelEvent,
  ClientError,
  type Connection,
  type ConnectOptions,
  connect,
  type Dropped,
  type OutboxStorage,
  type Reset,
  type Snapshot,
  type Status,
  type StoredChange,
} from 'smallchange/client';

const options: ConnectOptions = { name: 'alice', token: async () => 'token', outbox: { maxItems: 10 } };
const connection: Connection = connect(new URL('https://rt.example/'), options);
const stop: () => void = connection.subscribe('demo', (event: ChannelEvent) => show(event.data), {
  snapshot: true,
  onReset: ({ snapshot, lost }: Reset) => show(String(lost), snapshot),
});
connection.addEventListener('status', ({ state, retryInMs }: Status) => show(state, retryInMs));
connection.addEventListener('dropped', ({ why }: Dropped) => show(why));
// @ts-expect-error a change is text or bytes
void connection.publish('demo', 1);
// @ts-expect-error there is no such signal
connection.addEventListener('message', () => undefined);

export async function main(storage: OutboxStorage, changes: readonly StoredChange[]): Promise<Snapshot> {
  connect('/', { storage }).close();
  for await (const { at } of connection.history('demo', { limit: changes.length })) show(at);
  await connection.publish('demo', new Uint8Array(1), { replace: 'position' }).catch((error: unknown) => {
    if (error instanceof ClientError) show(error.code);
  });
  stop();
  return connection.state('demo');
}

function show(...values: unknown[]): void {
  document.title = values.join(' ');
}
