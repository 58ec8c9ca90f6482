/**
 * `smallchange/client` as the cases want to talk to it (docs/writing-a-client.md). A connection with `wrong` is spoilt on purpose, as
 * `wrong.ts` says: a case that stays green then shows nothing.
 */
import { createInterface } from 'node:readline';
import { connect } from '../../../../src/client/client.ts';
import type { ChannelEvent, Connection, TransportName } from '../../../../src/client/contract.ts';
import { wrongFetch } from './wrong.ts';

interface Command {
  readonly do: 'connect' | 'subscribe' | 'publish' | 'close';
  readonly connection: string;
  readonly url: string;
  readonly name: string;
  readonly tokens?: readonly string[];
  readonly transport?: TransportName;
  readonly wrong?: string;
  readonly channels: readonly string[];
  readonly channel: string;
  readonly since?: string;
  readonly data?: string;
  readonly b64: string;
  readonly n: number;
}

const connections = new Map<string, Connection>();

function tell(line: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function asJson(data: string | Uint8Array): object {
  return typeof data === 'string' ? { data } : { b64: Buffer.from(data).toString('base64') };
}

function open({ url, name, tokens, transport = 'fetch', wrong }: Command): Connection {
  let asked = 0;
  const connection = connect(url, {
    name,
    storage: 'memory',
    transports: [transport],
    ...(tokens && { token: () => tokens[Math.min(asked++, tokens.length - 1)]! }),
    ...(wrong !== undefined && { fetch: wrongFetch(wrong) }),
  });
  connection.addEventListener('error', (error) => console.error(error));
  return connection;
}

function subscribe(connection: Connection, id: string, channel: string, since: string | undefined): void {
  const listener = ({ data }: ChannelEvent) => tell({ told: 'event', connection: id, channel, ...asJson(data) });
  connection.subscribe(channel, listener, {
    ...(since !== undefined && { since }),
    onReset: ({ lost, snapshot }) =>
      tell({ told: 'reset', connection: id, channel, lost, state: snapshot?.state ?? {} }),
  });
}

function obey(command: Command): void {
  const { do: what, connection: id, channel, since, n } = command;
  if (what === 'connect') {
    connections.set(id, open(command));
    return;
  }
  const connection = connections.get(id)!;
  if (what === 'close') connection.close();
  else if (what === 'subscribe') {
    for (const each of command.channels) subscribe(connection, id, each, since);
  } else if (what === 'publish') {
    connection.publish(channel, command.data ?? Buffer.from(command.b64, 'base64')).then(
      () => tell({ told: 'published', connection: id, n }),
      ({ code }: { code: string }) => code === 'closed' || tell({ told: 'refused', connection: id, n, code }),
    );
  }
}

const lines = createInterface(process.stdin);
lines.on('line', (line) => obey(JSON.parse(line) as Command));
lines.on('close', () => {
  for (const connection of connections.values()) connection.close();
});
tell({ told: 'ready', client: 'smallchange', can: ['batch', 'joined', 'poll', 'since', 'token'] });
