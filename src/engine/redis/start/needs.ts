/**
 * What each role asks of Redis: so a process needs no right that only another role has a use for. A bucket cannot read what
 * others send, and a wake, which may tell changes, is heard by mergers alone.
 *
 * What the scripts call is read from their text, so that no command can be forgotten here; a script that says nothing here is a
 * mistake of types.
 */
import type { Channel } from '../../../domain/channel.ts';
import { type ChannelKeys, Keys, type ShardKeys } from '../keys.ts';
import { scripts } from '../scripts.ts';

/** As `ROLES` has it; and `eraser`, of a process with `ADMIN_KEY` that merges. */
export type RedisRole = 'bucket' | 'merger' | 'gateway' | 'archiver' | 'eraser';

export const redisRoles: readonly RedisRole[] = ['bucket', 'merger', 'gateway', 'archiver'];

/** Something that must be allowed: the command, and names of ours that it is given. */
export interface Question {
  /** As words with spaces between them; of a script also how many keys there are. */
  readonly command: string;
  readonly names: readonly string[];
  readonly of: 'keys' | 'channels';
}

/** Names as they are in any shard, for one channel. */
type OfChannel = 'meta' | 'history' | 'state' | 'index' | 'dedupe' | 'events';
type Names = Pick<Keys, 'shards' | 'format' | 'members'> & ShardKeys & Pick<ChannelKeys, OfChannel>;

interface Need {
  readonly by: readonly RedisRole[];
  /** The keys it declares, one of each kind: Redis asks for the right to write to all of them, whatever it does. */
  readonly keys: (of: Names) => readonly string[];
  /** Those of them that each of its commands is asked about; the first where it does not say. */
  readonly on?: (of: Names) => readonly string[];
  readonly publishes?: (of: Names) => readonly string[];
}

const everybody = redisRoles;

const needs: Readonly<Record<keyof typeof scripts, Need>> = {
  claim: { by: everybody, keys: (of) => [of.shards, of.format], on: (of) => [of.shards, of.format] },
  rights: { by: everybody, keys: () => [] },
  append: { by: ['bucket'], keys: (of) => [of.inbox, of.shard], publishes: (of) => [of.wake] },
  peek: { by: ['merger'], keys: (of) => [of.shard, of.inbox] },
  load: { by: ['merger', 'eraser'], keys: (of) => [of.shard, of.meta, of.state, of.dedupe] },
  commit: {
    by: ['merger'],
    keys: (of) => [
      ...[of.shard, of.inbox, of.dedupeExpiry, of.recent, of.bad],
      ...[of.meta, of.history, of.state, of.index, of.dedupe],
    ],
    publishes: (of) => [of.events],
  },
  release: { by: ['merger'], keys: (of) => [of.shard], publishes: (of) => [of.wake] },
  expired: { by: ['merger'], keys: (of) => [of.shard, of.dedupeExpiry, of.recent] },
  sweep: {
    by: ['merger'],
    keys: (of) => [
      ...[of.shard, of.dedupeExpiry, of.recent, of.forgotten],
      ...[of.dedupe, of.meta, of.history, of.state, of.index],
    ],
  },
  history: {
    by: ['gateway', 'archiver', 'merger', 'eraser'],
    keys: (of) => [of.shard, of.forgotten, of.meta, of.history, of.recent],
  },
  changes: { by: ['gateway'], keys: (of) => [of.shard, of.recent, of.forgotten] },
  tails: { by: ['gateway', 'archiver'], keys: (of) => [of.shard, of.forgotten, of.meta, of.history] },
  state: { by: ['gateway', 'merger'], keys: (of) => [of.shard, of.meta, of.state, of.index] },
  progress: { by: ['gateway'], keys: (of) => [of.shard, of.inbox], on: (of) => [of.shard, of.inbox] },
  renew: {
    by: ['gateway', 'merger', 'archiver'],
    keys: (of) => [of.shard, of.forgotten, of.meta, of.history],
    publishes: (of) => [of.epoch, of.wake],
  },
  unarchived: { by: ['archiver', 'merger', 'eraser'], keys: (of) => [of.shard, of.recent, of.inbox] },
  markArchived: { by: ['archiver'], keys: (of) => [of.shard, of.meta, of.history] },
  inbox: { by: ['merger'], keys: (of) => [of.shard, of.inbox] },
  refill: {
    by: ['merger'],
    keys: (of) => [
      ...[of.shard, of.inbox, of.dedupeExpiry, of.recent],
      ...[of.meta, of.history, of.state, of.index, of.dedupe],
    ],
    publishes: (of) => [of.events],
  },
  erase: {
    by: ['eraser'],
    keys: (of) => [of.shard, of.meta, of.history, of.state, of.index, of.recent],
    publishes: (of) => [of.events],
  },
  eraseWaiting: { by: ['eraser'], keys: (of) => [of.shard, of.inbox] },
  eraseUnreadable: { by: ['eraser'], keys: (of) => [of.bad] },
  // A merger's roll is another: one more of all the names, which it may have anyway.
  gather: { by: ['gateway', 'merger'], keys: (of) => [of.members.gateways] },
};

const hears: Readonly<Record<RedisRole, (of: Names) => readonly string[]>> = {
  bucket: () => [],
  merger: (of) => [of.wake],
  gateway: (of) => [of.events, of.epoch],
  archiver: () => [],
  eraser: () => [],
};

/**
 * What is sent beside scripts and cannot be done without. Not in it: CONFIG GET, CLIENT SETNAME and QUIT, which are asked for
 * and may be refused.
 */
const PLAIN = ['PING', 'INFO'];
const OF_CLUSTER = ['ASKING', 'CLUSTER SLOTS', 'CLUSTER INFO'];

/** `redis.call('HSET', …`, `redis.call('MEMORY', 'USAGE', …`, and functions of a script that are given a command. */
const CALLED = /\(\s*'([A-Z]+)'(?:\s*,\s*'([A-Z]+)')?/g;
/** They are given no key. */
const KEYLESS = new Set(['INFO', 'TIME']);

/** What somebody asks of Redis who keeps something else there, by the engine's connections: the same for every role. */
export interface GuestNeeds {
  readonly scripts: readonly {
    readonly source: string;
    /** The keys it declares, one of each kind. */
    readonly keys: readonly string[];
    readonly publishes?: readonly string[];
  }[];
  readonly hears: readonly string[];
}

/** @param nameOf Names as they are on any shard; where one ends with `:x`, anything may stand for the x. */
export type Guest = (nameOf: (name: string) => string) => GuestNeeds;

export interface NeedsOf {
  readonly roles: readonly RedisRole[];
  readonly prefix: string;
  readonly isCluster: boolean;
  /** `WAIT` and `SELECT` are asked for with settings alone. */
  readonly more: readonly string[];
  readonly guest?: Guest;
}

/** All that has to be allowed, each once. */
export function questionsOf({ roles, prefix, isCluster, more, guest }: NeedsOf): Question[] {
  const of = namesOf(prefix);
  const { scripts: ofGuest = [], hears: guestHears = [] } = guest?.((name) => ofAccess(prefix, name)) ?? {};
  const plain = [...PLAIN, ...(isCluster ? OF_CLUSTER : []), ...more];
  const asked = [
    ...plain.map((command) => ofKeys(command, [])),
    ...[...roles.flatMap((role) => hears[role](of)), ...guestHears].flatMap((name) => [
      ofChannel('SSUBSCRIBE', name),
      ofChannel('SUNSUBSCRIBE', name),
    ]),
    ...Object.entries(needs).flatMap(([name, need]) =>
      need.by.some((role) => roles.includes(role))
        ? ofScript(scripts[name as keyof typeof scripts].source, need, of)
        : [],
    ),
    ...ofGuest.flatMap(({ source, keys, publishes = [] }) =>
      ofScript(source, { by: roles, keys: () => keys, on: () => keys, publishes: () => publishes }, of),
    ),
  ];
  return [...new Map(asked.map((each) => [`${each.command} ${each.names.join(' ')}`, each])).values()];
}

function ofScript(source: string, { keys, on, publishes }: Need, of: Names): Question[] {
  const declared = keys(of);
  const commands = Array.from(source.replaceAll(/--.*$/gm, '').matchAll(CALLED), ([, name, subcommand]) =>
    subcommand === undefined ? name! : `${name} ${subcommand}`,
  );
  return [
    ...['EVAL', 'EVALSHA'].map((name) => ofKeys(`${name} x ${declared.length}`, declared)),
    ...commands.flatMap((command) => {
      if (command === 'SPUBLISH') return (publishes?.(of) ?? []).map((name) => ofChannel(command, name));
      if (KEYLESS.has(command)) return [ofKeys(command, [])];
      return (on?.(of) ?? declared.slice(0, 1)).map((name) => ofKeys(command, [name]));
    }),
  ];
}

function ofKeys(command: string, names: readonly string[]): Question {
  return { command, names, of: 'keys' };
}

function ofChannel(command: string, name: string): Question {
  return { command, names: [name], of: 'channels' };
}

function ofAccess(prefix: string, name: string): string {
  return new Keys(prefix, 1).ofAccess(0, name);
}

function namesOf(prefix: string): Names {
  const keys = new Keys(prefix, 1);
  const { shards, format, members } = keys;
  const { meta, history, state, index, dedupe, events } = keys.ofChannel(0, 'x' as Channel);
  return { shards, format, members, ...keys.ofShard(0), meta, history, state, index, dedupe, events };
}
