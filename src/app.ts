/**
 * The wiring: from a configuration to a running process. The only file that knows which roles run beside
 * each other; which implementation is behind a contract, `app/stores.ts` knows. A role does not learn which others are there.
 *
 * Running → draining → stopped. What takes new work stops first, what serves it last: streams say goodbye, POSTs in hand get
 * their answers; then nothing new can come, the merge gives its leases back, and only then the engine goes.
 */
import type { FastifyInstance } from 'fastify';
import type { Access } from './access/access.ts';
import { createAccess } from './access/create-access.ts';
import { createEngine, erases, openArchive, openSource } from './app/stores.ts';
import type { Archive, ArchiveReader, ArchiveSource } from './archive/archive.ts';
import { withArchive } from './archive/histories.ts';
import { withPageCache } from './archive/page-cache.ts';
import { createArchiver } from './archiver/archiver.ts';
import { changeRoute, createBucket } from './bucket/routes.ts';
import { systemClock } from './clock.ts';
import type { Config, Role } from './config.ts';
import type { Engine } from './engine/engine.ts';
import { createEraser } from './eraser/eraser.ts';
import { ArchiveUnavailable } from './errors.ts';
import { createGateway } from './gateway/gateway.ts';
import { gatewayDocuments } from './gateway/routes/schemas.ts';
import { adminRoutes } from './http/admin.ts';
import { eraseDocument, eraseRoute } from './http/erase-route.ts';
import { forgeryRules } from './http/forgery.ts';
import { healthRoutes, type Readiness } from './http/health.ts';
import { libraryRoutes } from './http/library.ts';
import { pageRoutes } from './http/page.ts';
import { revokeRoute } from './http/revoke-route.ts';
import { createServer, listen } from './http/server.ts';
import { sessionRoutes } from './http/session-routes.ts';
import type { PlainHandler } from './http/shortcut.ts';
import type { Logger } from './log.ts';
import { createMerger } from './merger/merger.ts';
import { createReducerFor, reducerNamed } from './merger/reducers/patterns.ts';
import { tagOf } from './merger/roll.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { watchEngine } from './watch-engine.ts';

export interface App {
  readonly port: number;
  readonly adminPort: number | null;
  /** Ends everything in order; `drainMs` is the longest that streams are given to leave. */
  stop(drainMs: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** For scrapers and balancers, out of the descriptors that are the process' own. */
const ADMIN_CONNECTIONS = 32;

/** What a role adds to the process, and how it leaves. */
interface Part {
  routes?(app: FastifyInstance): void;
  readonly plainly?: PlainHandler;
  ready?(): boolean;
  load?(): { readonly streams: number; readonly polls: number; readonly maxStreams: number };
  start?(): Promise<void>;
  /** Told which shards are away, whenever that changes. */
  storeIs?(away: ReadonlySet<number>): void;
  /** Takes no new work and finishes what it has. */
  quiet?(drainMs: number): Promise<void>;
  /** Ends what works for the others, once no request can come any more. */
  finish?(): Promise<void>;
}

/** @throws an `EngineUnusable`, or the listening error, with nothing left running. */
export async function startApp(config: Config, log: Logger): Promise<App> {
  const metrics = createMetrics();
  const { engine, passes, deep } = await createEngine(config, log);
  const access = createAccess(config, {
    clock: systemClock,
    log,
    onReached: (limit) => metrics.limited.inc({ limit }),
    onRevocations({ kept, fullestPage, heardAgoS }) {
      metrics.revocationsKept.set(kept);
      metrics.revocationsFullestPage.set(fullestPage);
      metrics.revocationsHeardAgo.set(heardAgoS);
    },
    ...(passes && { passes }),
  });
  const archive = openArchive(config);
  const source = openSource(config);
  const partDeps = { engine, config, log, metrics, access, archive, source, deep: archive ?? deep ?? null };
  const parts = config.roles.map((role) => [role, createPart[role](partDeps)] as const);
  const onChange = (away: ReadonlySet<number>) => {
    const isPart = away.size > 0 && away.size < engine.shards;
    log.warn(
      { condition: away.size === 0 ? 'recovered' : 'degraded', ...(isPart && { shards: [...away] }) },
      'the store',
    );
    for (const [, part] of parts) part.storeIs?.(away);
  };
  const watch = watchEngine({ engine, metrics, onChange });
  const checks: Readiness[] = [
    ...parts.map(([name, part]) => ({ name, ready: () => part.ready?.() ?? true })),
    { name: 'store', ready: watch.isAllowed },
  ];
  const load = () => {
    const loads = parts.flatMap(([, part]) => part.load?.() ?? []);
    return { ready: checks.every(({ ready }) => ready()), streams: 0, polls: 0, maxStreams: 0, ...loads[0] };
  };
  const operatorRoutes = (server: FastifyInstance, localOnly: boolean) => {
    adminRoutes(server, { metrics, load, localOnly });
    const { adminKey: key } = config;
    const { revocations } = access;
    if (key === null) return;
    if (revocations !== null) revokeRoute(server, { key, revocations, clock: systemClock, log, metrics, localOnly });
    if (erases(config)) {
      const deepOf = deep && withArchive(engine, deep, () => {});
      const fieldsOf = (reducer: string | null) => reducerNamed(reducer ?? '')?.fields ?? { kind: 'none' as const };
      const eraser = createEraser({ engine, deep: deepOf ?? null, archive, clock: systemClock, fieldsOf });
      eraseRoute(server, { key, eraser, log, localOnly });
    }
  };
  const servers: FastifyInstance[] = [];
  let stopping: Promise<void> | null = null;

  async function stop(drainMs: number): Promise<void> {
    await Promise.all(parts.map(([, part]) => part.quiet?.(drainMs)));
    await Promise.all(servers.map((server) => server.close()));
    await Promise.all(parts.map(([, part]) => part.finish?.()));
    watch.close();
    access.close();
    await engine.close();
    await archive?.close();
    await source?.close();
  }

  try {
    const elsewhere = [changeRoute, ...gatewayDocuments, eraseDocument];
    const plainly = parts.find(([, part]) => part.plainly)?.[1].plainly;
    const server = await createServer({ config, log, metrics, access, elsewhere, plainly });
    servers.push(server);
    for (const [, part] of parts) part.routes?.(server);
    if (access.sessions !== null) sessionRoutes(server, access.sessions, forgeryRules(config));
    healthRoutes(server, checks);
    pageRoutes(server);
    libraryRoutes(server);
    if (config.adminPort === null) operatorRoutes(server, true);
    const port = await listen(server, config);
    let adminPort: number | null = null;
    if (config.adminPort !== null) {
      // Beyond loopback whoever reaches that port may ask, and by whatever name: scrapers go by addresses.
      const hosts = config.loopbackOnly ? config.publicHosts : null;
      const admin = await createServer({
        config: { ...config, publicHosts: hosts, maxConnections: ADMIN_CONNECTIONS },
        log,
        metrics,
        access,
      });
      servers.push(admin);
      healthRoutes(admin, checks);
      operatorRoutes(admin, false);
      adminPort = await listen(admin, { host: config.host, port: config.adminPort });
    }
    await archive?.ready().catch((error: unknown) => {
      if (!(error instanceof ArchiveUnavailable)) throw error;
      log.error({ err: error }, 'the archive cannot be reached: events are kept until it can');
    });
    for (const [, part] of parts) await part.start?.();
    const stopOnce = (drainMs: number) => {
      stopping ??= stop(drainMs);
      return stopping;
    };
    return { port, adminPort, stop: stopOnce, [Symbol.asyncDispose]: () => stopOnce(0) };
  } catch (error) {
    await stop(0);
    throw error;
  }
}

/** What a role may be made of. */
interface PartDeps {
  readonly engine: Engine;
  readonly config: Config;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly access: Access;
  readonly archive: Archive | null;
  /** What a store is refilled from. */
  readonly source: ArchiveSource | null;
  /** Where older events are than the engine's histories have. */
  readonly deep: ArchiveReader | null;
}

/** A new role is a folder beside the others and an entry here. */
const createPart: Record<Role, (deps: PartDeps) => Part> = {
  bucket({ engine, config, log, metrics, access }) {
    const bucket = createBucket({ ...config, engine, log, metrics, access, clock: systemClock });
    return { routes: (app) => bucket.routes(app), plainly: bucket.plainly, quiet: () => bucket.quiesce() };
  },
  merger({ engine, config, log, metrics, source }) {
    // A new reducer is a file in merger/reducers and a line in its `patterns.ts`.
    const reducerFor = createReducerFor(config.reducers);
    const { stateMaxBytes, mergeLeaseMs: leaseMs } = config;
    const tag = tagOf(config.reducers);
    const merger = createMerger({
      ...{ engine, log, metrics, clock: systemClock },
      ...{ reducerFor, tag, stateMaxBytes, leaseMs },
      ...(source !== null && { archive: source }),
    });
    return { start: () => merger.start(), finish: () => merger.stop() };
  },
  gateway({ engine, config, log, metrics, access, deep }) {
    const { sessions: tickets, limits } = access;
    const onAway = (error: unknown) => log.warn({ err: error }, 'a reader asked for what only the archive has');
    const gateway = createGateway({
      ...config,
      engine,
      histories: deep === null ? engine : withArchive(engine, withPageCache(deep, systemClock), onAway),
      log,
      metrics,
      seats: limits.seats,
      clock: systemClock,
      tickets,
    });
    return {
      routes: (app) => gateway.routes(app),
      ready: () => gateway.ready(),
      load: () => gateway.load(),
      storeIs: (away) => gateway.storeIs(away),
      async quiet(drainMs) {
        await gateway.drain(drainMs);
        gateway.close();
      },
    };
  },
  archiver({ engine, config, log, metrics, archive }) {
    const { archiveBacklogMaxBytes: backlogMaxBytes } = config;
    const archiver = createArchiver({ engine, archive: archive!, log, metrics, clock: systemClock, backlogMaxBytes });
    return { start: async () => archiver.start(), finish: () => archiver.stop() };
  },
};
