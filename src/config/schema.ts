/**
 * The settings: one entry each, with its name in the environment, its form and bounds, its default and one sentence.
 * Everything else that is said about settings, README's table included, is made from this.
 *
 * A key is the field of `Config`; where its unit differs from the name's (`…Ms` for `…_S`) the kind converts.
 */
import { availableParallelism } from 'node:os';
import { claimText, grants, headerNames, keysUrl, publicKeyPem, sharedSecret } from './access-kinds.ts';
import { archiveSettings } from './archive-settings.ts';
import { host, hostNames, numberOr, oneOf, origins, reducerRules, someOf, wholeNumber } from './kinds.ts';
import { limitSettings } from './limit-settings.ts';
import { connectionsFor, MAX_CONNECTIONS_LIMIT, MAX_STREAMS_LIMIT, streamsFor } from './machine.ts';
import { optional, type Setting, setting } from './setting.ts';
import { storeSettings } from './store-settings.ts';

export const roles = ['bucket', 'merger', 'gateway', 'archiver'] as const;
export const reducerNames = ['log', 'latest', 'tally'] as const;

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const DAY_S = 86_400;
const YEAR_S = 366 * DAY_S;

const port = wholeNumber(0, 65_535);

export const settings = {
  port: setting('PORT', port, '8080', 'Where clients connect; 0 takes any free port.'),
  host: setting('HOST', host, '127.0.0.1', 'The address to listen on; beyond loopback `AUTH` must be set.'),
  adminPort: optional(
    'ADMIN_PORT',
    port,
    'off',
    'A second port, on `HOST`, for `/metrics` and `/load`; without it they are on `PORT`, for direct loopback callers only.',
  ),
  roles: setting(
    'ROLES',
    someOf(roles),
    'all',
    'What this process does; fewer than all need `REDIS_URL`. There is an `archiver` with `DATABASE_URL` alone.',
  ),
  workers: setting(
    'WORKERS',
    numberOr('auto', availableParallelism, wholeNumber(1, 64)),
    '1',
    'Processes that share `PORT`, started again when they end, replaced one by one on SIGHUP; `auto`: one per core. More than one need `REDIS_URL`.',
  ),
  ...storeSettings,
  shards: setting(
    'SHARDS',
    wholeNumber(1, 1024),
    '16',
    'Slices the channels are spread over, each merged by one merger at a time; fixed by the first start on a Redis.',
  ),
  reducers: setting(
    'REDUCERS',
    reducerRules(reducerNames),
    '*=log',
    'What turns changes into events, by channel name, with `*` for any characters; the first match wins, without one `log`.',
  ),
  // A frame of a change, and a script that stores it, cannot be cut: 256 KiB that are all escaped keep the event loop 10 to 25 ms.
  maxChangeBytes: setting('MAX_CHANGE_BYTES', wholeNumber(1, 256 * KIB), '1024', 'The largest change.'),
  // What one call of a store may be given, and as long as it may be busy with it.
  batchMaxChanges: setting('BATCH_MAX_CHANGES', wholeNumber(1, 1000), '100', 'The most changes of a batch.'),
  // A page that closes may send 64 KiB (Fetch, `keepalive`).
  batchMaxBytes: setting('BATCH_MAX_BYTES', wholeNumber(1, MIB), String(64 * KIB), 'The largest body of a batch.'),
  historyMaxEvents: setting(
    'HISTORY_MAX_EVENTS',
    wholeNumber(1, 100_000),
    '1024',
    'Newest events kept per channel, for clients that come back.',
  ),
  channelIdleMs: setting(
    'CHANNEL_IDLE_S',
    wholeNumber(1, YEAR_S, 1000),
    String(DAY_S),
    'A channel without a new event for so long is forgotten; with an archive it keeps its last event in Redis until its days are over.',
  ),
  dedupeTtlMs: setting(
    'DEDUPE_TTL_S',
    wholeNumber(1, YEAR_S, 1000),
    String(DAY_S),
    'A publisher unheard of for so long is forgotten; until then its repeats are dropped.',
  ),
  inboxMaxEntries: setting(
    'INBOX_MAX_ENTRIES',
    wholeNumber(1, 10_000_000),
    '100000',
    'Accepted changes a shard holds unmerged before POSTs get 503.',
  ),
  inboxMaxBytes: setting('INBOX_MAX_BYTES', wholeNumber(KIB, 16 * GIB), String(64 * MIB), 'The same in bytes, about.'),
  stateMaxBytes: setting(
    'STATE_MAX_BYTES',
    // Whoever reads a state holds all of it, and decoding 4 MiB of the smallest fields takes some 40 pages.
    wholeNumber(KIB, 4 * MIB),
    String(MIB),
    'State of one channel, each field with its name, its value and 100 bytes; a change that would exceed it is refused in the merge.',
  ),
  maxStreams: {
    ...setting(
      'MAX_STREAMS',
      wholeNumber(1, MAX_STREAMS_LIMIT),
      '1',
      'Streams and waiting polls this process holds; more are sent away.',
    ),
    default: 'from descriptors and memory',
    whenUnset: streamsFor,
  },
  maxConnections: {
    ...setting(
      'MAX_CONNECTIONS',
      wholeNumber(1, MAX_CONNECTIONS_LIMIT),
      '1',
      'Connections of clients this process holds, streams included; close to it idle ones are closed, above it new ones.',
    ),
    default: 'from descriptors',
    whenUnset: connectionsFor,
  },
  streamBufferBytes: setting(
    'STREAM_BUFFER_BYTES',
    wholeNumber(KIB, 16 * MIB),
    String(64 * KIB),
    'A stream with more than this unsent is not written to until it drains.',
  ),
  streamStallMs: setting(
    'STREAM_STALL_MS',
    wholeNumber(100, 600_000),
    '30000',
    'A stream that takes no byte for so long is closed.',
  ),
  streamMaxAgeMs: setting(
    'STREAM_MAX_AGE_MS',
    wholeNumber(0, 7 * DAY_S * 1000),
    '1800000',
    'At about this age a stream is asked to come back, so that none stays for ever where it once came; 0: never.',
  ),
  spreadIntervalMs: setting(
    'SPREAD_INTERVAL_MS',
    wholeNumber(0, 600_000),
    '5000',
    'How often gateways compare how many streams they have, and send away some of what is above the mean; 0: none is sent away.',
  ),
  ringMaxBytes: setting(
    'RING_MAX_BYTES',
    wholeNumber(KIB, 16 * GIB),
    String(64 * MIB),
    'Recent events kept in this process for its streams, all channels together.',
  ),
  heartbeatMs: setting(
    'HEARTBEAT_MS',
    wholeNumber(100, 600_000),
    '20000',
    'A stream that was silent for so long gets an empty comment.',
  ),
  drainMs: setting(
    'DRAIN_MS',
    wholeNumber(0, 600_000),
    '20000',
    'Over how long a stopping process sends its streams away.',
  ),
  mergeLeaseMs: setting(
    'MERGE_LEASE_MS',
    wholeNumber(100, 600_000),
    '5000',
    'After how long another merger takes over the shards of one that vanished.',
  ),
  auth: optional(
    'AUTH',
    oneOf(['anonymous', 'jwt']),
    'none',
    'Who may send and receive; `anonymous`: everybody who can connect; `jwt`: who brings a token that grants it.',
  ),
  authAnonymous: setting(
    'AUTH_ANONYMOUS',
    grants,
    '{}',
    'With `AUTH=jwt`, what may be done without a token. `names` has what may be in front of the dot of `from`.',
  ),
  jwtSecret: optional('JWT_SECRET', sharedSecret, 'none', 'Verifies tokens of HS256.'),
  jwtPublicKey: optional(
    'JWT_PUBLIC_KEY',
    publicKeyPem,
    'none',
    'Verifies tokens of RS256, ES256 or EdDSA, by its kind.',
  ),
  jwksUrl: optional(
    'JWKS_URL',
    keysUrl,
    'none',
    'The same with the keys of an identity provider; needs `JWT_AUDIENCE`. Asked again after 240 s, or for a key that is not known, once a minute at most.',
  ),
  jwtIssuer: optional('JWT_ISSUER', claimText, 'any', 'What `iss` of a token must be.'),
  jwtAudience: optional('JWT_AUDIENCE', claimText, 'any', 'What `aud` of a token must be, or have in it.'),
  jwtTyp: optional('JWT_TYP', oneOf(['JWT', 'at+jwt']), 'either, or none', 'What `typ` of a token must be.'),
  grantClaim: setting(
    'GRANT_CLAIM',
    claimText,
    'smallchange',
    'The claim that says what a token grants; with `mercure`, the tokens of Mercure 0.x are taken as they are.',
  ),
  tokenMaxLifetimeMs: setting(
    'TOKEN_MAX_LIFETIME_S',
    wholeNumber(1, YEAR_S, 1000),
    String(DAY_S),
    'How far ahead `exp` of a token may be.',
  ),
  adminKey: optional(
    'ADMIN_KEY',
    sharedSecret,
    'none',
    'What `POST /admin/erase` and, with `AUTH=jwt`, `POST /admin/revoke` want as `Authorization: Bearer`, where `/metrics` is; without it there are no such paths.',
  ),
  authUrl: optional(
    'AUTH_URL',
    keysUrl,
    'none',
    'Your backend, asked by `POST /session` without a token who that is: a POST, answered 200 with the claims of a token and `expiresIn`, 401 or 403.',
  ),
  authForward: setting(
    'AUTH_FORWARD',
    headerNames,
    'cookie',
    'Headers that it is sent of that request; with none of them it is not asked.',
  ),
  sessionMaxPerSub: setting(
    'SESSION_MAX_PER_SUB',
    wholeNumber(1, 100),
    '20',
    'Browser sessions that one `sub` may have: for one more, the oldest ends.',
  ),
  ...limitSettings,
  ...archiveSettings,
  corsOrigins: optional(
    'CORS_ORIGINS',
    origins,
    'on loopback any localhost origin, else none',
    'Origins whose pages may send and receive; those of the very host they talk to may as well.',
  ),
  publicHosts: optional(
    'PUBLIC_HOSTS',
    hostNames,
    'on loopback none, else any',
    'Names by which clients may call this server, beside `localhost`, 127.x.x.x and `[::1]`: what a proxy in front passes on as `Host`.',
  ),
  logLevel: setting(
    'LOG_LEVEL',
    oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
    'info',
    'The least serious lines that are still written.',
  ),
} satisfies Record<string, Setting<unknown>>;
