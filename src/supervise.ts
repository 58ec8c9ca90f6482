/**
 * Several processes behind one port, for a machine with several cores: the same roles in each. They share nothing but the
 * port, which this process holds; it gives each connection to one that is free. What is uneven then, `gateway/stream/spread.ts` evens.
 *
 * SIGHUP replaces them one by one: the next is there before the last is told to drain. SIGTERM drains all, and is heard
 * from the beginning on. What becomes of a worker that fails, `supervise/slot.ts` says.
 */
import type { Config } from './config.ts';
import type { Logger } from './log.ts';
import { invite } from './serve.ts';
import { type Failed, Slot } from './supervise/slot.ts';

export async function supervise(config: Config, log: Logger): Promise<void> {
  const slots = Array.from({ length: config.workers }, (_, index) => new Slot(index, config.drainMs, log));
  const starting = Promise.all(slots.map((slot) => slot.start()));
  const orders = obey(slots, starting, log);
  // Whatever keeps one from starting keeps all; the others' sentences would be the same.
  const ports = await starting.catch((failed: Failed) => {
    if (orders.isStopping) return undefined;
    for (const slot of slots) slot.kill();
    process.exit(failed.code);
  });
  if (ports === undefined) return;
  log.info({ port: ports[0], workers: slots.length, roles: config.roles }, 'smallchange is running');
  invite(config, ports[0]!);
}

function obey(slots: readonly Slot[], starting: Promise<unknown>, log: Logger): { readonly isStopping: boolean } {
  const orders = { isStopping: false };
  let replacing = starting;
  const stop = async (signal: NodeJS.Signals) => {
    if (orders.isStopping) {
      for (const slot of slots) slot.kill();
      process.exit(1);
    }
    orders.isStopping = true;
    log.info({ signal }, 'stopping all workers');
    const codes = await Promise.all(slots.map((slot) => slot.stop()));
    process.exit(codes.every((code) => code === 0) ? 0 : 1);
  };
  const replace = async () => {
    log.info('replacing all workers, one by one');
    for (const slot of slots) if (!orders.isStopping) await slot.replace();
    log.info('all workers are new');
  };
  process.on('SIGTERM', (signal) => void stop(signal));
  process.on('SIGINT', (signal) => void stop(signal));
  process.on('SIGHUP', () => {
    replacing = replacing.then(replace).catch((err: unknown) => log.error({ err }, 'the old workers stay'));
  });
  return orders;
}
