/** `npm run edge`, the rendering by itself, and the check of both files, as they are typed. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { edges } from '../support/edge.ts';
import { request } from '../support/http.ts';
import { startServer } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const run = promisify(execFile);
const tsx = ['--import', 'tsx'];

/** A program that fails, with what it said. */
async function failing(args: readonly string[], env: Record<string, string> = {}) {
  const whole = { PATH: process.env.PATH ?? '', ...env };
  return run(process.execPath, [...tsx, ...args], { cwd: root, env: whole }).then(
    () => assert.fail('it succeeded'),
    ({ code, stderr }: { code: number; stderr: string }) => ({ code, stderr }),
  );
}

describe('npm run edge', () => {
  for (const edge of edges) {
    it(`starts a fleet behind ${edge}, says how to use it, and stops all of it`, async () => {
      // Builds, if that is due.
      await using _server = await startServer();
      const child = spawn(process.execPath, [...tsx, 'proxy/edge.ts', edge], { cwd: root });
      let said = '';
      for (const output of [child.stdout, child.stderr]) {
        output.on('data', (chunk: Buffer) => {
          said += chunk.toString();
        });
      }
      const ended = once(child, 'close');
      await waitFor(() => said.includes('Ctrl-C') || child.exitCode !== null, {
        what: () => `the invitation:\n${said}`,
        timeoutMs: 30_000,
      });
      const plainUrl = /Plain\s+(\S+)/.exec(said)![1]!;
      const [, certificate, tlsUrl] = /--cacert (\S+) -d x (\S+)/.exec(said)!;
      const { stdout } = await run('curl', ['-s', '-w', '%{http_code}', '--cacert', certificate!, '-d', 'x', tlsUrl!]);
      assert.equal(stdout, '204');
      await waitFor(
        async () => (await request(plainUrl, '/c/demo/history')).json<{ events: unknown[] }>().events.length === 1,
        { what: 'the event' },
      );
      child.kill('SIGTERM');
      assert.deepEqual(await ended, [0, null], said);
      assert.equal(existsSync(certificate!), false, 'its folder is gone');
      await assert.rejects(request(plainUrl, '/healthz'));
    });
  }

  it('names what is missing, in one sentence', async () => {
    const { code, stderr } = await failing(['proxy/edge.ts', 'haproxy'], { PATH: '/nowhere' });
    assert.equal(code, 1);
    assert.equal(stderr, 'edge: haproxy is not on the PATH: apt-get install haproxy\n');
    assert.equal((await failing(['proxy/edge.ts', 'apache'])).code, 2);
  });
});

describe('rendering', () => {
  it('tells all that is wrong at once', async () => {
    const { code, stderr } = await failing(['proxy/render.ts', 'nginx'], {
      GATEWAYS: 'nonsense',
      EDGE_IDLE_S: '-1',
      EDGE_LOG: '/a b',
    });
    assert.equal(code, 2);
    assert.deepEqual(
      stderr
        .trim()
        .split('\n')
        .map((line) => line.split(/[: ]/)[0])
        .sort(),
      ['BUCKETS', 'EDGE_IDLE_S', 'EDGE_LOG', 'GATEWAYS'],
    );
  });

  it('makes files that haproxy and nginx accept without a warning', async () => {
    const { stderr } = await run('sh', ['proxy/check.sh'], { cwd: root });
    assert.doesNotMatch(stderr, /warn|alert|emerg/i);
  });
});
