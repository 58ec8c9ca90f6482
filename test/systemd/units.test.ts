/** The units of `examples/systemd`: systemd finds them right and closed, and their settings fit what they allow. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readConfig } from '../../src/config.ts';
import { run } from '../package/packed.ts';
import { projectRoot } from '../support/program.ts';
import { bytesOf, environmentOf, folder, only, readUnit, unitNames } from './unit-file.ts';

/** Of `systemd-analyze security`, from 0 to 10: below it says OK. The network alone, which this is there for, is 1. */
const EXPOSURE_MAX = 2;
/** As `supervise/slot.ts` has it: answers on their way, and a store that is slow. */
const AFTER_DRAIN_MS = 13_000;
/** Kept for what is no stream, as `config/machine.ts` has it. */
const OTHER_DESCRIPTORS = 1_024;
const PORT = '8083';

describe('the systemd units', () => {
  it('are one for all roles and one for each role', () => {
    const roles = unitNames.map((name) => environmentOf(readUnit(name), PORT).ROLES);
    assert.deepEqual(roles.sort(), ['all', 'bucket', 'gateway', 'merger']);
  });

  it('are right for systemd, which has nothing to say about them', () => {
    const instances = unitNames.map((name) => `./${name.replace('@.', `@${PORT}.`)}`);
    // What it does not know it tells, and still ends with 0.
    const options = { cwd: folder, encoding: 'utf8' } as const;
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...instances], options);
    assert.deepEqual([status, stderr], [0, '']);
  });

  for (const name of unitNames) {
    const unit = readUnit(name);
    const environment = environmentOf(unit, PORT);
    const descriptors = Number(only(unit, 'LimitNOFILE'));
    const machine = { descriptors, memoryBytes: bytesOf(only(unit, 'MemoryMax')) };
    const store = environment.DATA_DIR === undefined ? { REDIS_URL: 'redis://127.0.0.1' } : {};
    const outcome = readConfig({ ...store, ...environment }, machine);
    assert.ok(outcome.ok, `${name}: ${JSON.stringify(outcome)}`);
    const { config } = outcome;

    it(`${name} exposes little`, () => {
      const said = run('systemd-analyze', ['security', '--offline=true', '--no-pager', `./${name}`], folder);
      const exposure = Number(/Overall exposure level for \S+: (\d+\.\d)/.exec(said)?.[1]);
      assert.ok(exposure <= EXPOSURE_MAX, said);
    });

    it(`${name} gives its process the time to drain`, () => {
      assert.ok(Number(only(unit, 'TimeoutStopSec')) * 1000 >= config.drainMs + AFTER_DRAIN_MS);
      assert.equal(only(unit, 'KillMode'), 'mixed');
    });

    it(`${name} has descriptors for its streams, on the port of its name`, () => {
      const streams = environment.ROLES === 'all' || environment.ROLES === 'gateway' ? config.maxStreams : 0;
      assert.ok(descriptors >= streams + OTHER_DESCRIPTORS);
      assert.equal(config.port, name.includes('@') ? Number(PORT) : 8080);
      assert.ok(config.loopbackOnly);
    });

    it(`${name} starts what npm start starts`, () => {
      const { scripts } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));
      const words = only(unit, 'ExecStart')
        .replace('/usr/bin/', '')
        .replace('/opt/smallchange/node_modules/smallchange/', '');
      assert.equal(words, scripts.start);
    });
  }

  it('let the one with all roles write to its own directory, and none of the others anywhere', () => {
    const written = unitNames.flatMap((name) => readUnit(name).get('StateDirectory') ?? []);
    const { DATA_DIR } = environmentOf(readUnit('smallchange-all.service'), PORT);
    assert.deepEqual([written, DATA_DIR], [['smallchange'], '/var/lib/smallchange']);
  });

  it('say how many streams come of their memory', () => {
    const unit = readFileSync(join(folder, 'smallchange-all.service'), 'utf8');
    const env = environmentOf(readUnit('smallchange-all.service'), PORT);
    const outcome = readConfig(env, { descriptors: 65_536, memoryBytes: 2 ** 30 });
    assert.ok(outcome.ok && unit.includes(`: ${outcome.config.maxStreams.toLocaleString('en')}.`));
  });
});
