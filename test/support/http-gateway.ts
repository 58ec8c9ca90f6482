/** A gateway behind a real HTTP server, over the memory engine or what a test makes of it. */
import type { Access } from '../../src/access/access.ts';
import { anonymousAccess } from '../../src/access/anonymous.ts';
import { unlimited } from '../../src/access/limiter.ts';
import { systemClock } from '../../src/clock.ts';
import type { Engine, EngineOptions } from '../../src/engine/engine.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { createGateway, type Gateway, type GatewayDeps } from '../../src/gateway/gateway.ts';
import { createLogger } from '../../src/log.ts';
import { type Bench, generousOptions, opener } from '../contract/engine/kit.ts';
import { type HttpApp, startHttpApp } from './http-app.ts';

export interface HttpGateway extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly bench: Bench;
  readonly http: HttpApp;
  /** What the gateway has logged. */
  readonly logged: readonly Record<string, unknown>[];
}

const openBench = opener(async (options) => {
  const engine = createMemoryEngine({ ...generousOptions, shards: 1, historyMaxEvents: 10_000, ...options });
  return { engine, close: () => engine.close() };
});

/** @param change What the gateway finds in the place of the engine. */
export async function startHttpGateway(
  rest: Partial<GatewayDeps> = {},
  change: (engine: Engine) => Engine = (engine) => engine,
  options: Partial<EngineOptions> = {},
  access: Access = anonymousAccess,
): Promise<HttpGateway> {
  const bench = await openBench(options);
  const logged: Record<string, unknown>[] = [];
  const log = createLogger({ logLevel: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line)) });
  let gateway: Gateway | undefined;
  const http = await startHttpApp(
    (app, metrics) => {
      gateway = createGateway({
        ...{ engine: change(bench.engine), clock: systemClock, log, metrics, seats: unlimited.seats },
        ...{
          maxChangeBytes: 1_024,
          batchMaxChanges: 100,
          batchMaxBytes: 65_536,
          dedupeTtlMs: 60_000,
          heartbeatMs: 15_000,
          maxStreams: 10,
          maxConnections: 100,
          ringMaxBytes: 1 << 24,
        },
        ...{ streamBufferBytes: 65_536, streamStallMs: 30_000, streamMaxAgeMs: 0, spreadIntervalMs: 0 },
        ...rest,
      });
      gateway.routes(app);
    },
    {},
    access,
  );
  return {
    ...{ gateway: gateway!, bench, http, logged },
    async [Symbol.asyncDispose]() {
      gateway!.close();
      await http[Symbol.asyncDispose]();
      await bench[Symbol.asyncDispose]();
    },
  };
}
