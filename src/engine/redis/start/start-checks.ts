/** What has to be true of a Redis before an engine works on it, and what an operator should know about it. */
import type { Redis } from 'ioredis';
import { EngineUnreachable, EngineUnusable } from '../../../errors.ts';
import type { EngineLog } from '../log.ts';
import { call, isReply, type Reply, reasonOf, replyCodeOf } from '../nodes/calls.ts';
import type { Durability, Settings } from './durability.ts';
import { type Claim, createFit, type Fit, type FitWanted } from './fit.ts';
import { checkRights, type RightsWanted, withoutRight } from './rights.ts';

export type Mode = 'standalone' | 'cluster' | 'sentinel';

interface CheckOptions extends RightsWanted {
  readonly log: EngineLog;
}

/** SPUBLISH, and scripts with flags. */
const REDIS_MIN_MAJOR = 7;

/** Throws an EngineUnusable unless this server can be used in that mode. */
export async function checkPrimary(
  { address, main }: { readonly address: string; readonly main: Redis },
  mode: Mode,
  options: CheckOptions,
): Promise<Durability> {
  const { waitReplicas, log } = options;
  return sayingWhy(address, async () => {
    const info = await infoOf(main);
    refuse(serverProblem(info, mode));
    await checkRights(main, address, options);
    if (mode === 'cluster') await checkClusterState(main, address);
    const replicas = Number(info.get('connected_slaves') ?? 0);
    if (replicas < waitReplicas) {
      log.warn(
        { server: address, replicas },
        `REDIS_WAIT_REPLICAS is ${waitReplicas}: until there are, nothing is accepted`,
      );
    }
    const settings = await call(main, 'config', ['get', 'appendonly', 'appendfsync', 'save', 'maxmemory-policy'])
      .then(settingsFrom)
      .catch(() => undefined);
    return { version: info.get('redis_version') ?? 'unknown', settings };
  });
}

/** Throws an EngineUnusable unless this server can say where the shards of a Cluster are. */
export async function checkClusterNode(redis: Redis, address: string): Promise<void> {
  await sayingWhy(address, async () => {
    refuse(serverProblem(await infoOf(redis), 'cluster'));
    await checkClusterState(redis, address);
  });
}

/** A sentence for the operator when this server cannot be used, going by its INFO. */
export function serverProblem(info: ReadonlyMap<string, string>, mode: Mode): string | undefined {
  const version = info.get('redis_version') ?? 'unknown';
  if (!(Number.parseInt(version, 10) >= REDIS_MIN_MAJOR)) {
    return `Redis ${REDIS_MIN_MAJOR}.0 or later is needed, and this one is ${version}.`;
  }
  const actual = info.get('redis_mode');
  if (actual === 'sentinel') return `This is a Sentinel, and REDIS_MODE is ${mode}.`;
  if (actual === 'cluster' && mode !== 'cluster')
    return `This Redis is a node of a Cluster, and REDIS_MODE is ${mode}.`;
  if (actual !== 'cluster' && mode === 'cluster') {
    return 'This Redis is not a node of a Cluster, and REDIS_MODE is cluster.';
  }
  return undefined;
}

/** Throws an EngineUnusable unless the store is for us, or is begun now. */
export function claimStore(claim: () => Promise<Claim>, wanted: FitWanted): Promise<Fit> {
  return sayingWhy(wanted.where, () => createFit(claim, wanted));
}

async function checkClusterState(redis: Redis, address: string): Promise<void> {
  const state = infoFrom(await call(redis, 'cluster', ['info'])).get('cluster_state');
  if (state !== 'ok')
    throw new EngineUnreachable(`The Cluster does not serve: cluster_state is ${state} at ${address}.`);
}

function refuse(problem: string | undefined): void {
  if (problem !== undefined) throw new EngineUnusable(problem);
}

async function sayingWhy<T>(address: string, check: () => Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (cause) {
    if (cause instanceof EngineUnusable) throw cause;
    throw withoutRight(cause, address) ?? unusable(address, cause as Error);
  }
}

/** What Redis itself answers, such as a wrong password, stays as it is; whatever else failed may pass, and replicas that it waits for. */
export function unusable(address: string, cause: Error): EngineUnusable {
  const isFinal = [cause, cause.cause].some(isReply) && replyCodeOf(cause) !== 'NOREPLICAS';
  const Unusable = isFinal ? EngineUnusable : EngineUnreachable;
  return new Unusable(`Redis at ${address} cannot be used: ${reasonOf(cause)}.`, { cause });
}

async function infoOf(redis: Redis): Promise<Map<string, string>> {
  return infoFrom(await call(redis, 'info', []));
}

function infoFrom(reply: Reply): Map<string, string> {
  const lines = String(reply).split('\r\n');
  return new Map(lines.filter((line) => line.includes(':')).map((line) => line.split(/:(.*)/s) as [string, string]));
}

function settingsFrom(reply: Reply): Settings {
  const pairs = (reply as Buffer[]).map(String);
  return Object.fromEntries(Array.from({ length: pairs.length / 2 }, (_, i) => [pairs[2 * i]!, pairs[2 * i + 1]!]));
}
