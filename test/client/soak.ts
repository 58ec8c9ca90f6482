/**
 * `npm run soak:client -- --changes 10000 --clients 20 --seed 1 --reload 0.02`: clients on a network that fails at random, each a publisher
 * with an outbox that outlives it and a reader that keeps its cursor, closed and begun again at random. In the end every change is at
 * every callback once, in the order of its publisher, and all readers saw the same order; else the exit code is 1.
 */
import { parseArgs } from 'node:util';
import { createConnection } from '../../src/client/connection.ts';
import type { ChannelEvent, Connection } from '../../src/client/contract.ts';
import { newChannel } from '../contract/protocol/kit.ts';
import { type FaultProxy, startProxy } from '../faults/proxy.ts';
import { startServer } from '../support/process.ts';
import { theProgram } from '../support/program.ts';
import { createRandom, type Random } from '../support/random.ts';
import { waitFor } from '../support/wait.ts';
import { FakeLocks, FakePage, FakeStorage } from './kit.ts';

const { values } = parseArgs({
  options: {
    changes: { type: 'string', default: '2000' },
    clients: { type: 'string', default: '20' },
    channels: { type: 'string', default: '3' },
    reload: { type: 'string', default: '0.02' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    minutes: { type: 'string', default: '10' },
  },
});
const total = Number(values.changes);
const count = Number(values.clients);
const random = createRandom(Number(values.seed));
const channels = Array.from({ length: Number(values.channels) }, () => newChannel());

class Client {
  readonly seen = new Map<string, ChannelEvent[]>(channels.map((channel) => [channel, []]));
  readonly resets: string[] = [];
  reloads = 0;
  readonly #storage = new FakeStorage();
  readonly #locks = new FakeLocks();
  readonly #url: string;
  #connection: Connection;
  /** Published by the present connection, without an answer. */
  #unanswered = new Set<string>();

  constructor(url: string) {
    this.#url = url;
    this.#connection = this.#begin();
  }

  get pending(): number {
    return this.#connection.pending;
  }

  get written(): number {
    return this.#storage.changes.size;
  }

  get #unwritten(): string[] {
    const written = new Set([...this.#storage.changes.values()].map(({ bytes }) => Buffer.from(bytes).toString()));
    return [...this.#unanswered].filter((data) => !written.has(data));
  }

  publish(channel: string, data: string): void {
    const unanswered = this.#unanswered.add(data);
    void this.#connection.publish(channel, data).then(
      () => unanswered.delete(data),
      () => undefined,
    );
  }

  /** As a page that is reloaded: only what was written down is left of it. */
  async reload(): Promise<void> {
    // Each by itself: as many may be written down, and be those that an earlier connection left.
    await waitFor(() => this.#unwritten.length === 0, { what: () => `${this.#unwritten} to be written` });
    this.#connection.close();
    this.reloads++;
    this.#unanswered = new Set();
    this.#connection = this.#begin();
  }

  close(): void {
    this.#connection.close();
  }

  #begin(): Connection {
    const { locks } = this.#locks.tab();
    const connection = createConnection(this.#url, { storage: this.#storage }, { page: new FakePage(), locks });
    for (const channel of channels) {
      const seen = this.seen.get(channel)!;
      const onReset = () => this.resets.push(channel);
      connection.subscribe(channel, (each) => seen.push(each), { since: seen.at(-1)?.id ?? 'earliest', onReset });
    }
    return connection;
  }
}

async function misbehave(proxy: FaultProxy, chance: Random, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const isDead = chance.chance(0.05);
    proxy.set(isDead ? { blackHole: true } : { swallow: 0.05, cut: 0.02, jitterMs: 5 });
    if (chance.chance(0.2)) proxy.cutAll(0.3);
    await new Promise((resolve) => setTimeout(resolve, isDead ? 2_000 : 200));
  }
  proxy.set();
}

/** @returns What is wrong with what was seen. */
function faultsOf(clients: readonly Client[], sent: ReadonlyMap<string, readonly string[]>): string[] {
  const faults: string[] = [];
  for (const channel of channels) {
    const expected = sent.get(channel)!;
    const first = clients[0]!.seen.get(channel)!.map(({ data }) => String(data));
    for (const [i, client] of clients.entries()) {
      if (client.resets.length > 0) faults.push(`client ${i} was reset`);
      const seen = client.seen.get(channel)!.map(({ data }) => String(data));
      const once = new Set(seen);
      if (once.size !== seen.length) faults.push(`${channel}: ${seen.length - once.size} repeated at client ${i}`);
      const lost = expected.filter((data) => !once.has(data));
      if (lost.length > 0) faults.push(`${channel}: ${lost.length} lost at client ${i}: ${lost.slice(0, 3)}`);
      if (seen.join() !== first.join()) faults.push(`${channel}: another order at client ${i}`);
    }
    for (let i = 0; i < count; i++) {
      const of = (list: readonly string[]) => list.filter((data) => data.startsWith(`${i}:`)).join();
      if (of(first) !== of(expected)) faults.push(`${channel}: publisher ${i} out of its order`);
    }
  }
  return faults;
}

const server = await startServer({ env: { HISTORY_MAX_EVENTS: '100000', HEARTBEAT_MS: '2000' }, main: theProgram });
const proxy = await startProxy(() => [{ host: '127.0.0.1', port: server.port }], createRandom(random.seed));
let isOver = false;
const misbehaving = misbehave(proxy, createRandom(random.seed + 1), () => isOver);
const clients = Array.from({ length: count }, () => new Client(`http://127.0.0.1:${proxy.port}`));
const sent = new Map(channels.map((channel) => [channel, [] as string[]]));
for (let i = 0; i < total; i++) {
  const who = random.int(count);
  const channel = random.pick(channels);
  sent.get(channel)!.push(`${who}:${i}`);
  clients[who]!.publish(channel, `${who}:${i}`);
  if (random.chance(Number(values.reload))) await clients[random.int(count)]!.reload();
  if (i % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
}
const left = () => clients.reduce((sum, { pending, written }) => sum + Math.max(pending, written), 0);
const timeoutMs = Number(values.minutes) * 60_000;
await waitFor(() => left() === 0, { what: () => `${left()} changes, seed ${random.seed}`, timeoutMs, everyMs: 100 });
isOver = true;
await misbehaving;
const seen = () => clients.reduce((sum, client) => sum + [...client.seen.values()].flat().length, 0);
await waitFor(() => seen() >= total * count, {
  what: () => `${seen()} of ${total * count}`,
  timeoutMs: 60_000,
  everyMs: 100,
}).catch((late: Error) => console.log(late.message));
const faults = faultsOf(clients, sent);
for (const client of clients) client.close();
const reloads = clients.reduce((sum, client) => sum + client.reloads, 0);
const { swallowed, cut, accepted } = proxy.counts;
console.log(
  `seed ${random.seed}: ${total} changes, ${count} clients, ${reloads} reloads, ${accepted} connections, ${swallowed} answers swallowed, ${cut} cut`,
);
console.log(faults.length === 0 ? '0 lost, 0 repeated, in order' : faults.join('\n'));
process.exitCode = faults.length === 0 ? 0 : 1;
await proxy[Symbol.asyncDispose]();
await server.stop();
