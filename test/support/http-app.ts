/** A real HTTP server on a free port, with whatever routes a test puts on it, and its log as parsed lines. */
import type { FastifyInstance } from 'fastify';
import type { Access } from '../../src/access/access.ts';
import { anonymousAccess } from '../../src/access/anonymous.ts';
import { type Environment, readConfig } from '../../src/config.ts';
import { createServer, listen } from '../../src/http/server.ts';
import { createLogger } from '../../src/log.ts';
import { createMetrics, type Metrics } from '../../src/metrics.ts';

export interface HttpApp extends AsyncDisposable {
  readonly app: FastifyInstance;
  readonly metrics: Metrics;
  readonly port: number;
  readonly url: string;
  readonly logged: readonly Record<string, unknown>[];
}

export async function startHttpApp(
  routes: (app: FastifyInstance, metrics: Metrics) => void,
  env: Environment = {},
  access: Access = anonymousAccess,
): Promise<HttpApp> {
  const outcome = readConfig({ PORT: '0', ...env });
  if (!outcome.ok) throw new Error(outcome.problems.join('\n'));
  const { config } = outcome;
  const logged: Record<string, unknown>[] = [];
  const log = createLogger(config, { write: (line: string) => void logged.push(JSON.parse(line)) });
  const metrics = createMetrics();
  const app = await createServer({ access, config, log, metrics });
  routes(app, metrics);
  const port = await listen(app, config);
  return {
    app,
    metrics,
    port,
    url: `http://127.0.0.1:${port}`,
    logged,
    [Symbol.asyncDispose]: () => app.close(),
  };
}
