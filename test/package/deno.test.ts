/**
 * The packed library in Deno, types and all. Deno is 90 MB, so it is not among our packages: `npm run test:deno` brings it; without it
 * on the path this is skipped.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { it } from 'node:test';
import { newChannel } from '../contract/protocol/kit.ts';
import { startServer } from '../support/process.ts';
import { pack, run } from './packed.ts';

const isThere = spawnSync('deno', ['--version']).status === 0;

it('Deno checks the types of the packed library, and runs it', {
  skip: !isThere && 'no deno here: npm run test:deno',
}, async () => {
  using packed = await pack();
  await using server = await startServer();
  const project = packed.install('deno');
  run('deno', ['check', 'main.ts'], project);
  const said = run('deno', ['run', '--allow-net', 'main.ts', server.url, newChannel()], project);
  assert.equal(said, 'x true\nx true\n');
});
