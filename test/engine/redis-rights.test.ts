/** What a Redis user must be allowed: asked at the start, for each command, and when Redis refuses something later. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, it, mock } from 'node:test';
import { redisPassNeeds } from '../../src/access/sessions/redis-store.ts';
import { createRedisEngine, type RedisEngineOptions } from '../../src/engine/redis/engine.ts';
import { addressOf, targetsFrom } from '../../src/engine/redis/nodes/addresses.ts';
import { run } from '../../src/engine/redis/nodes/calls.ts';
import { closeClient, openClient } from '../../src/engine/redis/nodes/clients.ts';
import { type RedisRole, redisRoles } from '../../src/engine/redis/start/needs.ts';
import { EngineForbidden, EngineUnavailable, EngineUnusable } from '../../src/errors.ts';
import { change, channelOn, event, generousOptions } from '../contract/engine/kit.ts';
import { startRedis } from '../support/redis-server.ts';
import { waitFor } from '../support/wait.ts';

/** ioredis says it of each user without INFO, and not by way of our log. */
before(() => void mock.method(console, 'warn', () => undefined));

const silent = { info() {}, warn() {}, error() {} };
const channel = channelOn(0, 2);
const ALL = { maxEntries: 100, maxBytes: 100_000 };
const LEASE = { token: 'merger', ms: 600_000 };

const open = (url: string, rest: Partial<RedisEngineOptions> = {}) =>
  createRedisEngine({ ...generousOptions, url, prefix: 'sc', log: silent, guest: redisPassNeeds, ...rest });

/** Of the user `app`, with the password `pw`. */
const asApp = (url: string) => url.replace('//', '//app:pw@');

/** What the manifests give to the user of each role; a selector, which is in brackets, is one right. */
const acl = readFileSync(new URL('../../k8s/overlays/dev/users.acl', import.meta.url), 'utf8');
const grantedTo = (role: RedisRole) =>
  new RegExp(`^user smallchange-${role} .*$`, 'm').exec(acl)![0].match(/\([^)]+\)|[+~&]\S+/g)!;
/** A merger's are all there are. */
const granted = grantedTo('merger');

/** With each right left out in turn, also those in selectors. */
function* lacking(rights: readonly string[]): Generator<[missing: string, rest: string[]]> {
  for (const right of rights) {
    const rest = rights.filter((other) => other !== right);
    const inside = right.startsWith('(') ? right.slice(1, -1).split(' ') : [];
    if (inside.length === 0) yield [right, rest];
    for (const each of inside) {
      const others = inside.filter((other) => other !== each);
      if (others.some((other) => other.startsWith('+'))) yield [each, [...rest, `(${others.join(' ')})`]];
      else yield [each, rest];
    }
  }
}

/** Asked for and not needed, or needed only by a setting; with it the right is no longer one to leave out. */
const spared = new Map<string, { readonly url?: string; readonly waitReplicas?: number } | null>([
  ['+quit', null],
  ['+hello', null],
  ['+config|get', null],
  ['+client|setname', null],
  ['+select', { url: '/1' }],
  ['+wait', { waitReplicas: 1 }],
]);

async function startWith(...rights: string[]) {
  const redis = await startRedis();
  await redis.cli('acl', 'setuser', 'app', 'reset', 'on', '>pw', ...rights);
  return redis;
}

const names = (right: string) => (error: Error) => {
  assert.ok(error instanceof EngineUnusable, String(error));
  assert.match(error.message, /^The user of Redis at 127\.0\.0\.1:\d+ may not run [A-Z, ]+( on \S.*)?: add /);
  const words = error.message.replace(/.*: add /, '').split(/[ .()]+/);
  assert.ok(words.includes(right), `${error.message} names ${right}`);
  return true;
};

describe('a Redis user, at the start', () => {
  it('is refused with a sentence when it may publish nowhere, as a new user of Redis 7 may not', async () => {
    await using redis = await startWith('~sc:*', '+@all');
    await assert.rejects(open(asApp(redis.url)), (error: Error) => {
      assert.equal(
        error.message,
        `The user of Redis at 127.0.0.1:${redis.port} may not run SSUBSCRIBE, SPUBLISH on sc:*: add &sc:* to its rights.`,
      );
      return error instanceof EngineUnusable;
    });
    assert.equal(await redis.cli('dbsize'), '0', 'nothing was written');
  });

  for (const role of redisRoles) {
    it(`is refused when any right of the manifests' ${role} is left out, by its name`, {
      timeout: 120_000,
    }, async () => {
      await using redis = await startWith(...grantedTo(role));
      const as = (rest: Partial<RedisEngineOptions>, path = '') =>
        // With a key it erases as well.
        open(asApp(redis.url) + path, { roles: role === 'merger' ? [role, 'eraser'] : [role], ...rest });
      await (await as({})).close();
      for (const [right, rest] of lacking(grantedTo(role))) {
        await redis.cli('acl', 'setuser', 'app', 'reset', 'on', '>pw', ...rest);
        const setting = spared.get(right);
        if (setting !== undefined) await (await as({})).close();
        if (setting === null) continue;
        const { url, ...options } = setting ?? {};
        await assert.rejects(as(options, url), names(right), right);
      }
    });
  }

  it('of one role does for no other', async () => {
    for (const [role, other] of [
      ['bucket', 'gateway'],
      ['bucket', 'merger'],
      ['gateway', 'bucket'],
      ['gateway', 'merger'],
      ['archiver', 'bucket'],
      ['archiver', 'merger'],
    ] as const) {
      await using redis = await startWith(...grantedTo(role));
      await assert.rejects(open(asApp(redis.url), { roles: [other] }), EngineUnusable, `${role} as ${other}`);
    }
  });

  it('is told all that is missing at once', async () => {
    await using redis = await startWith(...granted.filter((right) => !['+ltrim', '+zadd', '~sc:*'].includes(right)));
    await assert.rejects(open(asApp(redis.url)), (error: Error) => {
      assert.match(error.message, /add (?=.*\+ltrim)(?=.*\+zadd)(?=.*~sc:\*)(?!.*&).* to its rights\.$/);
      return true;
    });
  });
});

/** What a commit calls after its first write, read from its text. */
const READS = ['TIME', 'HMGET', 'HGET', 'INFO', 'LINDEX', 'LLEN', 'ZSCORE'];
const lua = (name: string) => readFileSync(new URL(`../../src/engine/redis/lua/${name}.lua`, import.meta.url), 'utf8');
const commitSource = `${lua('channel-commits')}${lua('commit')}`;
const called = new Set(Array.from(commitSource.matchAll(/\(\s*'([A-Z]+)'/g), ([, name]) => name!));
const WRITES = [...called].filter((name) => !READS.includes(name)).map((name) => name.toLowerCase());

describe('a Redis user that loses a right while we run', () => {
  for (const command of WRITES) {
    it(`leaves no commit half written: ${command}`, async () => {
      await using redis = await startWith(...granted);
      const errors: string[] = [];
      const log = { ...silent, error: (fields: object) => void errors.push(JSON.stringify(fields)) };
      const engine = await open(asApp(redis.url), { historyMaxEvents: 1, log });
      const committing = async (text: string) => {
        await engine.append([change(channel, text)]);
        const peeked = await engine.peek(0, LEASE, ALL);
        assert.ok(peeked.kind === 'entries');
        const { rev, epoch, events: made } = peeked;
        const { head } = (await engine.load(0, [{ channel, froms: [], withState: false }])).channels[0]!;
        const seqs = new Map([['a.b', rev + 1]]);
        const field = { offset: (head ?? made) + 1, bytes: Buffer.from(text) };
        const events = [event((head ?? made) + 1, text)];
        const one = { channel, head, events, reducer: 'latest', state: new Map([['f', field]]), stateBytes: 110, seqs };
        return () => engine.commit(0, { token: LEASE.token, rev, epoch, entries: 1, channels: [one], unreadable: [] });
      };
      try {
        assert.equal((await (await committing('first'))()).kind, 'committed');
        const commit = await committing('second');
        const stored = async () => {
          const keys = (await redis.cli('keys', '*')).split('\n').sort();
          return Promise.all(keys.map((key) => redis.cli('dump', key)));
        };
        const before = await stored();
        await redis.cli('acl', 'setuser', 'app', `-${command}`);
        await assert.rejects(commit(), EngineUnavailable);
        assert.deepEqual(await stored(), before);

        // From then on nothing is asked of Redis but whether it allows all again; that is said once.
        await assert.rejects(engine.append([change(channel, 'x')]), EngineForbidden);
        await assert.rejects(engine.ping(), EngineForbidden);
        await assert.rejects(engine.ping(), EngineForbidden);
        assert.equal(errors.length, 1, errors.join('\n'));
        assert.match(errors[0]!, new RegExp(`add \\+${command} `));
        await redis.cli('acl', 'setuser', 'app', `+${command}`);
        await engine.ping();
        assert.equal((await commit()).kind, 'committed');
      } finally {
        await engine.close();
      }
    });
  }

  it('hears nothing of a line that may not be subscribed to, and says so', async () => {
    await using redis = await startWith(...granted);
    const engine = await open(asApp(redis.url));
    try {
      await redis.cli('acl', 'setuser', 'app', '-ssubscribe');
      await assert.rejects(engine.subscribe(channel, { published() {}, suspect() {} }), EngineUnavailable);
      await assert.rejects(engine.ping(), EngineForbidden);
    } finally {
      await engine.close();
    }
  });
});

describe('a script that an operator kills', () => {
  it('is a store that did not do it, and no mistake of ours', async () => {
    await using redis = await startRedis({ 'busy-reply-threshold': '10' });
    const [target] = targetsFrom(redis.url);
    const client = await openClient({ target: target!, name: 'test', commandTimeoutMs: 60_000, log: silent });
    try {
      const script = { source: 'while true do end', sha1: '0'.repeat(40) };
      const running = run(client, script, [], []).then(
        () => undefined,
        (error: unknown) => error,
      );
      const isKilled = () => redis.cli('script', 'kill').catch(() => '');
      await waitFor(async () => (await isKilled()) === 'OK', {
        timeoutMs: 20_000,
        what: `${addressOf(target!)} to kill`,
      });
      const error = await running;
      assert.ok(error instanceof EngineUnavailable, String(error));
    } finally {
      await closeClient(client);
    }
  });
});
