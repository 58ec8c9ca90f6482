/**
 * The HTTP server that every role puts its routes on: limits and time-outs, raw bodies, problems, CORS.
 *
 * Everything a client can do wrong before a route sees its request is answered here.
 */
import { lookup } from 'node:dns/promises';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Access, Right } from '../access/access.ts';
import type { Config } from '../config.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { createAddresses } from './addresses.ts';
import { acceptAnyBody } from './body.ts';
import { answerClientError, MAX_HEADER_BYTES, refuseConnect } from './client-error.ts';
import { paceCloses } from './closes.ts';
import { CLOSE_MS, closeWithin } from './closing.ts';
import { type Connections, openConnections } from './connections.ts';
import { continueOnceLetIn } from './continue.ts';
import { answerCors } from './cors.ts';
import { createErrorLog } from './error-log.ts';
import { cookieForgeryIn, type ForgeryConfig, forgeryIn, forgeryRules, refuseForgeries } from './forgery.ts';
import { answerNotFound } from './not-found.ts';
import { documentRoutes, type RouteDocument } from './openapi.ts';
import { createPace } from './pace.ts';
import { createAdmission } from './plain-forgery.ts';
import { createErrorHandler, createFailureText } from './problem.ts';
import { guardRoutes } from './rights.ts';
import { keepRoom } from './room.ts';
import { openShortcut, type PlainHandler, type Shortcut } from './shortcut.ts';
import { refuseAmbiguity } from './strict.ts';

/** Longer than the 60 s for which a proxy keeps an idle upstream connection, or its POSTs meet a closing socket. */
const KEEP_ALIVE_MS = 75_000;
/** A header trickling in for longer is an attack or a lost cause. Not above the next. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 15_000;
/** How often the two above are looked at, and so by how much they are late at most. */
const CONNECTIONS_CHECK_MS = 5_000;
/** Beyond what fits into a header: a name that is too long gets our 400, not the router's 414. */
const MAX_PARAM_LENGTH = MAX_HEADER_BYTES;
/** With the default of 511 a storm of connects is six times slower. */
const BACKLOG = 4096;

export interface ServerDeps {
  readonly config: Pick<Config, 'maxChangeBytes' | 'streamStallMs' | 'maxConnections' | 'trustProxy'> &
    Partial<Pick<Config, 'auth' | 'authAnonymous'>> &
    ForgeryConfig;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly access: Access;
  /** What `/openapi.json` tells besides the routes that are here. */
  readonly elsewhere?: readonly RouteDocument[];
  /** Answers plain requests that it wants past everything else (`shortcut.ts`). */
  readonly plainly?: PlainHandler | undefined;
  /** How long one that closes waits for requests that are not finished. */
  readonly closeMs?: number;
}

/** The server, ready for routes. It does not listen yet. */
export async function createServer({
  config,
  log,
  metrics,
  access,
  elsewhere = [],
  plainly = () => false,
  closeMs = CLOSE_MS,
}: ServerDeps): Promise<FastifyInstance> {
  const app: FastifyInstance = fastify({
    loggerInstance: log as FastifyBaseLogger,
    // A logger per request would cost more than the rest of a POST; what has to be said of a request, carries `req`.
    childLoggerFactory: (logger) => logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: config.maxChangeBytes,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    exposeHeadRoutes: false,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    // Its own 503 knows neither our problems nor CORS. Whoever comes on a connection that was busy when we began to close is
    // served once more, and told that the connection ends.
    return503OnClosing: false,
    http: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: CONNECTIONS_CHECK_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      // Refused in `body.ts`, with a sentence.
      requireHostHeader: false,
    },
    clientErrorHandler: (error, socket) => answerClientError(error, socket, connections.isSilent(socket)),
    // A URL that cannot be decoded: no route, so no hook has run.
    frameworkErrors: (error, request, reply) => {
      cors.apply(request, reply);
      handleError(forgeryIn(forgery, request.raw) ?? error, request, reply);
    },
  });
  const pace = createPace();
  const connections: Connections = openConnections(app.server, { stallMs: config.streamStallMs, pace, metrics });
  app.server.on('connect', (_request, socket) => refuseConnect(socket as Socket));
  const problems = { metrics, log: createErrorLog(log) };
  const handleError = createErrorHandler(problems);
  app.setErrorHandler(handleError);
  const cors = answerCors(app, config, access.sessions !== null);
  refuseAmbiguity(app);
  acceptAnyBody(app);
  continueOnceLetIn(app);
  const forgery = forgeryRules(config);
  refuseForgeries(app, forgery);
  answerNotFound(app);
  const addresses = createAddresses({ trustProxy: config.trustProxy, log });
  const isForged = (request: IncomingMessage) =>
    access.sessions === null ? undefined : cookieForgeryIn(forgery, request);
  guardRoutes(app, access, addresses, isForged);
  let shortcut: Shortcut | null = null;
  if (log.isLevelEnabled('debug')) {
    app.addHook('onResponse', (request, reply, done) => {
      log.debug({ req: request, res: reply, ms: Math.round(reply.elapsedTime) }, 'request');
      done();
    });
  } else {
    // Not at debug: there every request is to be seen by the hooks.
    shortcut = openShortcut(app.server, {
      handler: plainly,
      admits: createAdmission(forgery, access.sessions !== null),
      maxBodyBytes: config.maxChangeBytes,
      endOfKnown: access.endOfKnown,
      pace,
      addresses,
      firstByteMs: HEADERS_TIMEOUT_MS,
      keepAliveMs: KEEP_ALIVE_MS,
      fieldsFor: cors.textFor,
      failure: createFailureText(problems),
    });
  }
  app.server.on('connection', pace.connected);
  paceCloses(app.server);
  keepRoom(app.server, {
    maxConnections: config.maxConnections,
    *closable() {
      yield* connections;
      yield* shortcut?.connections ?? [];
    },
    ...{ metrics, log },
  });
  closeWithin(app, shortcut, closeMs);
  const isPublic = config.auth === 'jwt' ? (right: Right) => !(config.authAnonymous?.[right].isEmpty ?? true) : null;
  await documentRoutes(app, { elsewhere, isPublic });
  return app;
}

/** Resolves with the port once connections are accepted. */
export async function listen(app: FastifyInstance, { host, port }: Pick<Config, 'host' | 'port'>): Promise<number> {
  // By its name fastify would listen at every address of it, at the others past all that is done here for a connection.
  const { address } = await lookup(host);
  await app.listen({ host: address, port, backlog: BACKLOG, listenTextResolver: (at) => `listening at ${at}` });
  return (app.server.address() as AddressInfo).port;
}
