/**
 * An engine that is closed and opened again whenever it is told to, on the same directory. What ends with a process by its nature is
 * made anew, as whoever works with it would: leases are taken again, and what was subscribed to is subscribed to.
 */
import type { Channel } from '../../../src/domain/channel.ts';
import type { ChannelObserver, Engine, Subscription } from '../../../src/engine/engine.ts';
import { LONG_MS } from '../../contract/engine/kit.ts';

export interface Restarting {
  readonly engine: Engine;
  restart(): Promise<void>;
}

interface Observed {
  readonly channel: Channel;
  readonly observer: ChannelObserver;
  subscription: Subscription;
}

export async function createRestarting(open: () => Promise<Engine>): Promise<Restarting> {
  let now = await open();
  const holders = new Map<number, string>();
  const observed = new Set<Observed>();
  const engine: Engine = new Proxy({} as Engine, {
    get(_, name: keyof Engine) {
      return name in own ? own[name as keyof typeof own] : now[name];
    },
  });
  const own = {
    async peek(...[shard, lease, limits]: Parameters<Engine['peek']>) {
      const peek = await now.peek(shard, lease, limits);
      if (peek.kind === 'entries') holders.set(shard, lease.token);
      return peek;
    },
    async release(shard: number, token: string) {
      if (holders.get(shard) === token) holders.delete(shard);
      await now.release(shard, token);
    },
    async subscribe(channel: Channel, observer: ChannelObserver) {
      const its: Observed = { channel, observer, subscription: await now.subscribe(channel, observer) };
      observed.add(its);
      return {
        close() {
          observed.delete(its);
          its.subscription.close();
        },
      };
    },
  };
  return {
    engine,
    async restart() {
      await now.close();
      now = await open();
      for (const [shard, token] of holders) {
        await now.peek(shard, { token, ms: LONG_MS }, { maxEntries: 1, maxBytes: 1 });
      }
      for (const its of observed) its.subscription = await now.subscribe(its.channel, its.observer);
    },
  };
}
