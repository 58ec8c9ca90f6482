/** A whole fleet on this machine, small: it runs, says what it cost, and leaves nothing behind. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readFleetArguments } from '../../loadtest/fleet/arguments.ts';
import { BadUse } from '../../loadtest/run/arguments.ts';
import { isRunning, runTester } from './tester.ts';

const small = ['--streams', '100', '--gateways', '2', '--every', '2s', '--minutes', '0.05'];

describe('a fleet', { concurrency: 2 }, () => {
  const nonsense: readonly [args: string[], word: RegExp][] = [
    [[], /--streams is missing/],
    [['--streams', '10', '--rooms-of', '11'], /--rooms-of 11/],
    [['--streams', '10', '--aof', 'sometimes'], /none of off, everysec and always/],
    [['--streams', '10', '--rate', '1', '--every', '1s'], /give one/],
    [['--streams', '10', '--env', 'PORT'], /no NAME=VALUE/],
    [['--streams', '10', '--minutes', 'ten'], /--minutes ten/],
    [['--streams', '10', '--gateway', '1'], /Unknown option '--gateway'/],
  ];
  for (const [args, word] of nonsense) {
    it(`refuses with a clear word: ${args.slice(-2).join(' ') || 'nothing'}`, () => {
      assert.throws(() => readFleetArguments(args, 20_000), { constructor: BadUse, message: word });
    });
  }

  it('has as many gateways as descriptors ask for', () => {
    assert.equal(readFleetArguments(['--streams', '1000000'], 20_000)!.gateways, 53);
    assert.equal(readFleetArguments(['--streams', '1000000'], 1_048_576)!.gateways, 53);
    assert.equal(readFleetArguments(['--streams', '10000'], 6000)!.gateways, 2);
  });

  it('is clean, and its report says what it takes to do it again and what each part has cost', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'fleet-'));
    try {
      const markdown = join(dir, 'made', 'out.md');
      const args = [...small, '--reconnect', '100%/min', '--strict', '--settle', '10s', '--markdown', markdown];
      const nodeArgs = ['--node-args=--max-semi-space-size=1 --optimize-for-size'];
      const { code, stdout, stderr, result, page } = await runTester([...args, ...nodeArgs], { program: 'fleet' });
      assert.equal(code, 0, stdout + stderr);
      assert.equal(result!.counts.received, result!.counts.owed);
      const text = readFileSync(markdown, 'utf8');
      assert.match(text, /^\* command: `npm run fleet -- --streams 100 .*'--node-args=--max-semi-space-size=1 --opt/m);
      for (const fact of ['commit', 'machine', 'servers', 'store', 'wall'])
        assert.match(text, new RegExp(`^\\* ${fact}: .`, 'm'));
      assert.match(text, /^clean: 0 missing/m);
      for (const part of ['kernel', 'gateways', 'buckets', 'mergers', 'Redis', 'generator', 'all']) {
        assert.match(
          text,
          new RegExp(`^\\| ${part} \\| [\\d,]+ \\| [\\d,]+ \\| [\\d,]+ \\| [\\d.]+ \\| -?[\\d.]+ \\|$`, 'm'),
          text,
        );
      }
      assert.match(text, /^\| gateways \| \d\.\d\d \| \d\.\d\d \|$/m);
      assert.match(text, /^\| 1 \(3 s\) \| \d+ \| \d+ \| \d+ \| \d+ \|/m);
      assert.match(page!, /color-scheme:light dark/);
      assert.doesNotMatch(page!, /<script|(src|href)=|url\(/);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it('ends at Ctrl-C with everything it has started', async () => {
    const args = ['--streams', '50', '--gateways', '2', '--every', '1s', '--minutes', '5'];
    const { code, stdout, descendants } = await runTester(args, {
      program: 'fleet',
      onOutput: (said, interrupt) => /^load .*received [1-9]/m.test(said) && interrupt(),
    });
    assert.equal(code, 130, stdout);
    assert.match(stdout, /cut short: SIGINT/);
    // Redis, a merger, a bucket, two gateways, a generator.
    assert.ok(descendants.length >= 6, stdout);
    assert.deepEqual(descendants.filter(isRunning), []);
  });

  it('says so when a server does not start, and leaves none of the others running', async () => {
    const { code, stderr } = await runTester([...small, '--env', 'HEARTBEAT_MS=soon'], { program: 'fleet' });
    assert.equal(code, 1);
    assert.match(stderr, /^fleet: .*one of the mergers ended with 2: .*HEARTBEAT_MS/m);
    const missing = await runTester([...small, '--node', '/nowhere/node'], { program: 'fleet' });
    assert.equal(missing.code, 2);
    assert.match(missing.stderr, /^fleet: \/nowhere\/node cannot be started: /);
  });
});
