/** A bucket behind the whole HTTP server, fed bytes without a network, with a store that fails on demand. */
import { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import type { Access } from '../../src/access/access.ts';
import { createBucket } from '../../src/bucket/routes.ts';
import { systemClock } from '../../src/clock.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { EngineUnavailable } from '../../src/errors.ts';
import { createServer } from '../../src/http/server.ts';
import { createLogger } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import { generousOptions } from '../contract/engine/kit.ts';

/** What the store does with every change: takes it, cannot be reached, or answers with an error of its own. */
export type StoreMode = 'takes' | 'away' | 'broken';

export interface Bench {
  /** Sends each of them over a connection of its own, in its pieces. @returns What each was answered. */
  send(clients: readonly Client[]): Promise<string[]>;
  /** What has reached the store since the last call, in any order. */
  taken(): string[];
  /** Lines of the log since the last call. */
  lines(): number;
  close(): Promise<void>;
}

export interface Client {
  readonly pieces: readonly string[];
  readonly isEnded: boolean;
  /** That it comes from; unless given, none. */
  readonly address?: string;
}

/** Turns of the event loop from the last piece to the last answer, and then some: 32 requests begin in one, of some hundred connections. */
const TURNS = 60;

/** As much of a socket as servers ask for. */
class Pipe extends Duplex {
  answer = '';
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.answer += chunk.toString('latin1');
    done();
  }
  setTimeout(): this {
    return this;
  }
  destroySoon(): void {
    this.end(() => this.destroy());
  }
}

export async function openBench(mode: StoreMode, access: Access): Promise<Bench> {
  const memory = createMemoryEngine({ ...generousOptions, shards: 1 });
  let taken: string[] = [];
  let verifying = 0;
  let lines = 0;
  const engine: Engine = {
    ...memory,
    async append(changes) {
      for (const { channel, from, seq, bytes } of changes) {
        taken.push(JSON.stringify([channel, from, seq, Buffer.from(bytes).toString('latin1')]));
      }
      await turn();
      if (mode === 'away') throw new EngineUnavailable('away');
      if (mode === 'broken') throw new Error('WRONGTYPE');
      return changes.map(({ channel }) => (channel === 'full' ? 'full' : 'accepted'));
    },
  };
  const watched: Access = {
    ...access,
    identify(fields) {
      const who = access.identify(fields);
      if (!(who instanceof Promise)) return who;
      verifying++;
      return who.finally(() => verifying--);
    },
  };
  const log = createLogger({ logLevel: 'info' }, { write: () => void lines++ });
  const metrics = createMetrics();
  const bucket = createBucket({
    access: watched,
    engine,
    clock: systemClock,
    log,
    metrics,
    maxChangeBytes: 10,
    batchMaxChanges: 3,
    batchMaxBytes: 30,
  });
  const config = {
    ...{ maxChangeBytes: 10, streamStallMs: 30_000, maxConnections: 1_000_000 },
    ...{ corsOrigins: null, loopbackOnly: true, publicHosts: ['x'], trustProxy: [] },
  };
  const app = await createServer({ access: watched, config, log, metrics, plainly: bucket.plainly });
  bucket.routes(app);
  await app.ready();

  return {
    async send(clients) {
      const pipes = clients.map(({ address }) => Object.assign(new Pipe(), { remoteAddress: address }));
      for (const pipe of pipes) {
        pipe.on('error', () => {});
        app.server.emit('connection', pipe);
      }
      const longest = Math.max(...clients.map(({ pieces }) => pieces.length));
      for (let i = 0; i <= longest; i++) {
        for (const [n, { pieces, isEnded }] of clients.entries()) {
          if (pipes[n]!.destroyed) continue;
          if (i < pieces.length) pipes[n]!.push(Buffer.from(pieces[i]!, 'latin1'));
          if (i === pieces.length - 1 && isEnded) pipes[n]!.push(null);
        }
        await turn();
      }
      for (let i = 0; i < TURNS; i++) {
        while (verifying > 0) await turn();
        await bucket.quiesce();
        await turn();
      }
      for (const pipe of pipes) pipe.destroy();
      await turn();
      return pipes.map(({ answer }) => answer);
    },
    taken() {
      const all = taken.sort();
      taken = [];
      return all;
    },
    lines() {
      const count = lines;
      lines = 0;
      return count;
    },
    async close() {
      await app.close();
      await memory.close();
    },
  };
}
