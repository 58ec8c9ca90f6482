/** A client that vanishes from the network without a word is gone from the gateway within a minute, through both edges. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { edges } from '../support/edge.ts';
import { asTypeScript } from '../support/typescript.ts';

const run = promisify(execFile);
const program = fileURLToPath(new URL('vanishing.ts', import.meta.url));
/** A minute, less the longest time without a heartbeat at the default settings; here there is one every second. */
const KEPT_MS = 60_000 - 20_000;

const mayBreakNetworks = spawnSync('unshare', ['-n', 'nft', 'list', 'tables'], { stdio: 'ignore' }).status === 0;
const skip = mayBreakNetworks ? false : 'a network of its own that can be broken needs root, unshare and nft';

describe('clients that vanish', { concurrency: true, skip }, () => {
  for (const edge of edges) {
    it(`are not kept by ${edge}`, async (t) => {
      const { stdout } = await run('unshare', ['-n', process.execPath, ...asTypeScript, program, edge]);
      t.diagnostic(stdout);
      for (const keptMs of JSON.parse(stdout) as number[]) assert.ok(keptMs < KEPT_MS, `kept for ${keptMs} ms`);
    });
  }
});
