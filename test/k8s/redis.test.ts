/**
 * The Redis of the manifests, as a process: its redis.conf is one that Redis takes, and its ACL lets our processes do all they
 * have to and a stranger nothing.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { checkPart, parts } from '../../scripts/k8s-check/check.ts';
import { secretsOf } from '../../scripts/k8s-check/environment.ts';
import { ofKind } from '../../scripts/k8s-check/manifests.ts';
import { startServer } from '../support/process.ts';
import { startRedis } from '../support/redis-server.ts';

const development = parts.find(({ name }) => name === 'overlays/dev')!;

/** Of another place: where the files are, and what a test's Redis decides for itself. */
const placed = ['dir', 'aclfile', 'save'];

function settings(conf: string): Record<string, string> {
  const lines = conf.split('\n').filter((line) => /^[a-z]/.test(line));
  const directives = lines.map((line) => line.split(/\s+(.*)/) as [string, string]);
  return Object.fromEntries(directives.filter(([name]) => !placed.includes(name)));
}

/** On a busy machine a disk may be slow: a 503 is asked again, as any client does. */
async function persistently(status: number, ask: () => Promise<Response>): Promise<Response> {
  for (;;) {
    const answer = await ask();
    if (answer.status === status) return answer;
    assert.equal(answer.status, 503, await answer.text());
  }
}

const LATE_MS = 30_000;

describe('the Redis of the manifests', () => {
  it('allows every command of the scripts, those that run once a day too', () => {
    const scripts = new URL('../../src/engine/redis/lua/', import.meta.url);
    const text = readdirSync(scripts).map((name) => readFileSync(new URL(name, scripts), 'utf8'));
    const called = text.join('\n').matchAll(/redis\.p?call\(\s*'([A-Z]+)'/g);
    const names = new Set(Array.from(called, ([, name]) => name!.toLowerCase()));
    assert.ok(names.size > 15, 'the scripts were not found');
    const acl = readFileSync(new URL('../../k8s/overlays/dev/users.acl', import.meta.url), 'utf8');
    const allowed = new Set(Array.from(acl.matchAll(/\+([a-z]+)/g), ([, name]) => name!));
    assert.deepEqual(
      [...names].filter((name) => !allowed.has(name)),
      [],
    );
  });

  it('serves our processes, and nobody else', { timeout: 2 * LATE_MS }, async () => {
    const { manifests } = checkPart(development);
    const secret = ofKind(manifests, 'Secret')[0]!.metadata.name;
    const { 'users.acl': users, ...urls } = secretsOf(manifests, secret);
    const conf = readFileSync(new URL('../../k8s/base/redis/redis.conf', import.meta.url), 'utf8');
    const folder = mkdtempSync(join(tmpdir(), 'smallchange-acl-'));
    try {
      const aclfile = join(folder, 'users.acl');
      writeFileSync(aclfile, users!);
      // One argument a word: a test's Redis is configured by its command line.
      const { 'client-output-buffer-limit': _several, ...single } = settings(conf);
      await using redis = await startRedis({ ...single, appendfsync: 'always', aclfile });
      assert.match(await redis.cli('get', 'sc:{0}:shards').catch(String), /NOPERM/);

      const start = (role: string) => {
        const url = new URL(urls[`REDIS_URL_${role.toUpperCase()}`]!);
        url.host = `127.0.0.1:${redis.port}`;
        const env = { REDIS_URL: String(url), ROLES: role, SHARDS: '2', REDUCERS: 'map=latest,*=log' };
        return startServer({ env });
      };
      await using bucket = await start('bucket');
      await using merger = await start('merger');
      await using gateway = await start('gateway');
      const all = [bucket, merger, gateway];
      for (const { logged } of all) {
        const durability = logged.map(({ msg }) => String(msg)).find((msg) => msg.startsWith('Redis: '));
        assert.equal(durability, 'Redis: appendfsync always, a crash loses nothing');
      }

      for (const channel of ['map', 'list']) {
        const events = `${gateway.url}/c/${channel}/events`;
        const stream = await persistently(200, () => fetch(events, { signal: AbortSignal.timeout(LATE_MS) }));
        const change = `${bucket.url}/c/${channel}?from=a.b&seq=1`;
        await persistently(204, () => fetch(change, { method: 'POST', body: 'x' }));
        let seen = '';
        for await (const text of stream.body!.pipeThrough(new TextDecoderStream())) {
          seen += text;
          if (seen.includes('\ndata: x\n')) break;
        }
        assert.match(seen, /\ndata: x\n/);
      }
      await persistently(200, () => fetch(`${gateway.url}/c/map/state`));
      await persistently(200, () => fetch(`${gateway.url}/c/list/history`));
      for (const { output } of all) assert.doesNotMatch(output(), /NOPERM/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
