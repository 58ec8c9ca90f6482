/** What examples/ makes is a token that is let in, and grants what it was told to; and a session of it. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { it } from 'node:test';
import { startLocalApp } from '../support/app.ts';
import { projectRoot } from '../support/program.ts';
import { AUDIENCE, ISSUER, SECRET } from '../support/tokens.ts';

const named = { JWT_SECRET: SECRET, JWT_ISSUER: ISSUER, JWT_AUDIENCE: AUDIENCE };

it('examples issue tokens', async () => {
  await using server = await startLocalApp({ AUTH: 'jwt', ...named });
  for (const [program, path] of [
    [process.execPath, 'examples/token.mjs'],
    ['sh', 'examples/token.sh'],
  ] as const) {
    const tokenFor = (...args: string[]) => {
      const env = { PATH: process.env.PATH, ...named };
      const { stdout, stderr } = spawnSync(program, [path, ...args], { cwd: projectRoot, env, encoding: 'utf8' });
      assert.match(stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/, stderr);
      return stdout.trim();
    };
    for (const [args, channel, expected] of [
      [[], 'demo', 204],
      [[], 'demo2', 403],
      [['bob', '{"publish":["room.*"]}'], 'room.1?from=bob.n1&seq=1', 204],
      [['bob', '{"publish":["room.*"]}'], 'room.1?from=alice.n1&seq=1', 403],
    ] as const) {
      const headers = { authorization: `Bearer ${tokenFor(...args)}` };
      const answer = await fetch(`${server.url}/c/${channel}`, { method: 'POST', body: 'x', headers });
      assert.equal(answer.status, expected, `${path} ${args} ${channel}`);
    }
  }
});

it('a session begins, is renewed and ends by curl', async () => {
  await using server = await startLocalApp({ AUTH: 'jwt', ...named });
  const run = (path: string, ...args: string[]) =>
    new Promise<string>((resolve, reject) => {
      const env = { PATH: process.env.PATH, ...named };
      execFile('sh', [path, ...args], { cwd: projectRoot, env }, (error, stdout) =>
        error === null ? resolve(stdout) : reject(error),
      );
    });
  const token = (await run('examples/token.sh')).trim();
  const said = await run('examples/session.sh', token, server.url);
  const [event, ...others] = (JSON.parse(said) as { events: { data: string }[] }).events;
  assert.deepEqual([event!.data, others], ['hello', []]);
});
