/**
 * Sessions and tickets of a fleet, in its Redis. Everything of a group is on one shard, so that on a Cluster it is in one slot.
 *
 * What comes from there is data of strangers: who reads it says what it takes for a session.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { NEWS_KEPT, type PassChange, type PassStore } from './pass-store.ts';
import { GROUPS } from './session-key.ts';

type Argument = string | Buffer;

export interface RedisScript {
  readonly source: string;
  readonly sha1: string;
}

/** What is needed of the engine's connections. */
export interface RedisLink {
  readonly shards: number;
  /** Of a key, or of a pub/sub name, on this shard. */
  nameOf(shard: number, name: string): string;
  /** @throws {EngineUnavailable} */
  run(shard: number, script: RedisScript, keys: string[], args: Argument[]): Promise<unknown>;
  listen(
    shard: number,
    names: readonly string[],
    listener: { published(name: string, payload: Buffer): void; missed(): void },
  ): Promise<{ close(): void }>;
}

function scriptOf(name: string): RedisScript {
  const source = readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8');
  return { source, sha1: createHash('sha1').update(source).digest('hex') };
}

const scripts = { read: scriptOf('read'), write: scriptOf('write'), news: scriptOf('news') };

/** What Redis must allow for it: names of every group and of every session end with `:x`. */
export function redisPassNeeds(nameOf: (name: string) => string) {
  const [register, told, text, news] = ['r:x', 'n:x', 'p:x', 'e:x'].map(nameOf) as [string, string, string, string];
  return {
    scripts: [
      { source: scripts.read.source, keys: [text] },
      { source: scripts.write.source, keys: [register, told, text], publishes: [news] },
      { source: scripts.news.source, keys: [register, told] },
    ],
    hears: [news],
  };
}

const groups = Array.from({ length: GROUPS }, (_, group) => group);

export function createRedisPasses(link: RedisLink): PassStore {
  const shardOf = (group: number) => group % link.shards;
  const named = (group: number, name: string) => link.nameOf(shardOf(group), name);
  const register = (group: number) => [named(group, `r:${group}`), named(group, `n:${group}`)];
  const newsName = (group: number) => named(group, `e:${group}`);

  return {
    async read(group, names) {
      const keys = names.map((name) => named(group, `p:${name}`));
      const texts = (await link.run(shardOf(group), scripts.read, keys, [])) as (Buffer | null)[];
      return texts.map((text) => text?.toString() ?? null);
    },
    async write(group, changes, told) {
      const keys = [...register(group), ...changes.map(({ name }) => named(group, `p:${name}`))];
      const fixed = [randomUUID(), newsName(group), String(NEWS_KEPT)];
      const args = [...fixed, ...changes.flatMap(argumentsOf), ...told];
      return (await link.run(shardOf(group), scripts.write, keys, args)) === 1;
    },
    async news(group, since) {
      const args = since === null ? ['', ''] : [since.epoch, String(since.rev)];
      const answer = (await link.run(shardOf(group), scripts.news, register(group), args)) as [
        Buffer,
        number,
        Buffer[]?,
      ];
      const [epoch, rev, keys] = answer;
      return { mark: { epoch: epoch.toString(), rev }, keys: keys?.map(String) ?? null };
    },
    async listen(listener) {
      const listening = groups.map((group) =>
        link.listen(shardOf(group), [newsName(group)], {
          published: (_name, payload) => listener.changed(payload.toString()),
          missed: () => listener.missed(group),
        }),
      );
      const opened = (await Promise.allSettled(listening)).flatMap((each) =>
        each.status === 'fulfilled' ? each.value : [],
      );
      const close = () => {
        for (const each of opened) each.close();
      };
      if (opened.length < groups.length) {
        close();
        await Promise.all(listening);
      }
      return { close };
    },
  };
}

function argumentsOf({ before, after, ttlMs = 0 }: PassChange): string[] {
  const rule = before === undefined ? '*' : before === null ? '0' : '=';
  const isKept = after !== null && ttlMs > 0;
  return [rule, before ?? '', isKept ? '=' : '0', after ?? '', String(Math.ceil(ttlMs))];
}
