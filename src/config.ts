/**
 * Configuration: reads the environment once, against the schema, and says everything that is wrong with it at once.
 *
 * Invariant: this is the only file that reads `process.env`, and no message repeats a password.
 */
import { countUrls, isLoopback, type ReducerRule as RuleOf } from './config/kinds.ts';
import { type Machine, shareOf, thisMachine } from './config/machine.ts';
import { nameProblems } from './config/names.ts';
import { type reducerNames, roles, settings } from './config/schema.ts';
import type { Setting } from './config/setting.ts';

export type { Network } from './config/network-kinds.ts';

export type Role = (typeof roles)[number];
export type ReducerName = (typeof reducerNames)[number];
export type ReducerRule = RuleOf<ReducerName>;

type Values = { readonly [K in keyof typeof settings]: (typeof settings)[K] extends Setting<infer T> ? T : never };

export interface Config extends Values {
  /** Whether only this machine can reach `host`. */
  readonly loopbackOnly: boolean;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export type ConfigOutcome =
  | { readonly ok: true; readonly config: Config }
  /** One sentence each, for the operator. */
  | { readonly ok: false; readonly problems: readonly string[] };

/** The environment, and before it what was given by options. */
export function environmentWith(given: Environment): Environment {
  return { ...process.env, ...given };
}

export function readConfig(env: Environment = process.env, machine: Machine = thisMachine()): ConfigOutcome {
  const given = Object.keys(env).filter((name) => env[name] !== undefined && env[name] !== '');
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  const read = <T>(key: string, setting: Setting<T>, ours: Machine): T => {
    const parsed = given.includes(setting.name) ? setting.kind.parse(env[setting.name]!) : undefined;
    if (parsed?.ok === false) problems.push(`${setting.name} ${parsed.problem}`);
    // A setting that cannot be read counts as not set in what follows, so that one slip is one problem.
    const value = parsed?.ok ? parsed.value : setting.whenUnset(ours);
    values[key] = value;
    return value;
  };
  const { workers, ...others } = settings;
  const share = shareOf(machine, read('workers', workers, machine));
  for (const [key, setting] of Object.entries(others) as [string, Setting<unknown>][]) read(key, setting, share);
  const isWrong = (name: string) => problems.some((problem) => problem.startsWith(`${name} `));
  // Whoever asks for all asks for what there is something to do for.
  if (values.roles === roles && values.databaseUrl === null) values.roles = roles.filter((role) => role !== 'archiver');
  const config = freeze({ ...(values as Values), loopbackOnly: isLoopback(values.host as string) });
  problems.push(...conflicts(config, machine, given, isWrong));
  problems.push(
    ...nameProblems(
      given,
      Object.values(settings).map(({ name }) => name),
    ),
  );
  return problems.length === 0 ? { ok: true, config } : { ok: false, problems };
}

/** What is wrong with settings that are each right. `isWrong` names those already complained about. */
function conflicts(
  config: Config,
  machine: Machine,
  given: readonly string[],
  isWrong: (name: string) => boolean,
): string[] {
  const found: string[] = [];
  const isArchiving = config.databaseUrl !== null;
  const needed = roles.filter((role) => role !== 'archiver' || isArchiving);
  if (needed.some((role) => !config.roles.includes(role)) && config.redisUrl === null && !isWrong('REDIS_URL')) {
    found.push('ROLES must be `all` without REDIS_URL: the other roles could not be reached');
  }
  if (config.roles.includes('archiver') && !isArchiving && !isWrong('DATABASE_URL')) {
    found.push('ROLES has `archiver`, which needs DATABASE_URL');
  }
  if (config.workers > 1 && config.redisUrl === null && !isWrong('REDIS_URL')) {
    found.push('WORKERS must be 1 without REDIS_URL: they could not reach each other');
  }
  if (config.workers > 1 && config.adminPort !== null) {
    found.push('ADMIN_PORT must not be set with several WORKERS: each has figures of its own');
  }
  found.push(...redisConflicts(config, isWrong));
  found.push(...accessConflicts(config, given, isWrong));
  if (config.adminPort !== null && config.adminPort !== 0 && config.adminPort === config.port) {
    found.push('ADMIN_PORT must differ from PORT');
  }
  if (config.maxStreams > machine.descriptors) {
    found.push(`MAX_STREAMS must be at most ${machine.descriptors}, the files this process may open`);
  } else if (config.maxStreams > config.maxConnections) {
    found.push(`MAX_STREAMS must be at most MAX_CONNECTIONS, ${config.maxConnections}: each takes one`);
  }
  if (config.inboxMaxBytes < config.maxChangeBytes) {
    found.push('INBOX_MAX_BYTES must be at least MAX_CHANGE_BYTES');
  }
  return found;
}

function redisConflicts(config: Config, isWrong: (name: string) => boolean): string[] {
  const { redisUrl, redisMode } = config;
  if (isWrong('REDIS_URL') || isWrong('REDIS_MODE')) return [];
  if (redisUrl === null) {
    const needs =
      redisMode !== 'standalone' ? 'REDIS_MODE' : config.redisWaitReplicas > 0 ? 'REDIS_WAIT_REPLICAS' : null;
    return needs === null ? [] : [`${needs} is set and REDIS_URL is not: there would be no Redis`];
  }
  if (config.dataDir !== null) {
    return ['DATA_DIR and REDIS_URL must not both be set: it is one of them that has the data'];
  }
  if (redisMode === 'standalone' && countUrls(redisUrl) > 1) {
    return ['REDIS_URL has several URLs: REDIS_MODE must be `cluster` or `sentinel`, or there must be one'];
  }
  return [];
}

/** Settings that only tokens make something of: whoever sets one believes that they are asked for. */
const ofTokens = [
  ...['AUTH_ANONYMOUS', 'JWT_SECRET', 'JWT_PUBLIC_KEY', 'JWKS_URL', 'JWT_ISSUER', 'JWT_AUDIENCE', 'JWT_TYP'],
  ...['GRANT_CLAIM', 'TOKEN_MAX_LIFETIME_S', 'SESSION_MAX_PER_SUB', 'AUTH_URL', 'AUTH_FORWARD'],
  ...['MAX_STREAMS_PER_SUB', 'MAX_POSTS_PER_S_PER_SUB', 'MAX_NEW_CHANNELS_PER_H', 'MAX_FAILED_CREDENTIALS_PER_MIN'],
  ...['MAX_SESSIONS_PER_MIN_PER_SUB', 'MAX_SESSIONS_PER_MIN_PER_ADDRESS'],
];
const ofKeys = ['JWT_SECRET', 'JWT_PUBLIC_KEY', 'JWKS_URL', 'AUTH_URL'];

function accessConflicts(config: Config, given: readonly string[], isWrong: (name: string) => boolean): string[] {
  if (isWrong('AUTH')) return [];
  if (config.auth !== 'jwt') {
    const found = ofTokens
      .filter((name) => given.includes(name))
      .map((name) => `${name} is set and AUTH is not \`jwt\`: nobody would be asked for a token`);
    if (!config.loopbackOnly && config.auth === null) {
      found.push(
        'HOST is beyond loopback: set AUTH=jwt, or AUTH=anonymous if everybody who can connect may send and receive',
      );
    }
    return found;
  }
  const found: string[] = [];
  // Where there is no door at which a token could be shown, there need not be what verifies one.
  const hasDoors = config.roles.some((role) => role === 'bucket' || role === 'gateway');
  if (hasDoors && !ofKeys.some((name) => given.includes(name))) {
    found.push('AUTH=jwt needs JWT_SECRET, JWT_PUBLIC_KEY, JWKS_URL or AUTH_URL: nobody could say who it is');
  }
  if (config.jwtPublicKey !== null && config.jwksUrl !== null) {
    found.push('JWT_PUBLIC_KEY and JWKS_URL must not both be set: put the key into the set');
  }
  if (config.jwksUrl !== null && config.jwtAudience === null && !isWrong('JWT_AUDIENCE')) {
    found.push('JWKS_URL needs JWT_AUDIENCE: its keys verify the tokens of others too');
  }
  return found;
}

function freeze(config: Config): Config {
  for (const value of Object.values(config)) if (Array.isArray(value)) Object.freeze(value);
  return Object.freeze(config);
}

/** The settings as a Markdown table, as README has it. */
export function settingsTable(): string {
  const rows = Object.values(settings as Record<string, Setting<unknown>>).map(
    ({ name, default: unset, kind, sentence }) => `| \`${name}\` | ${unset} | ${kind.form} | ${sentence} |`,
  );
  return ['| Setting | Default | Value | Meaning |', '|---|---|---|---|', ...rows].join('\n');
}
