/**
 * The image is the same program on every architecture: nothing of what is installed to run it has to be compiled, and of the parts that
 * are made for a machine it does without one, and needs the other for `DATA_DIR` alone.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { run } from '../package/packed.ts';
import { projectRoot } from '../support/program.ts';

interface Locked {
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly cpu?: readonly string[];
  readonly os?: readonly string[];
}

/** A faster way for msgpackr to read texts. */
const ACCELERATOR = 'msgpackr-extract';
/** SQLite. */
const DATABASE = '@libsql';
const DRIVER = 'node_modules/libsql';

const { packages } = JSON.parse(readFileSync(join(projectRoot, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, Locked>;
};
const installed = Object.entries(packages).filter(([path, { dev }]) => path !== '' && !dev);

describe('the packages of the image', () => {
  it('have no install script that matters, and those of one machine are of two packages', () => {
    assert.ok(installed.length > 30);
    for (const [path, { optional, hasInstallScript, cpu, os }] of installed) {
      if (hasInstallScript) assert.deepEqual([path, optional], [`node_modules/${ACCELERATOR}`, true]);
      const isKnown = path.includes(`/${ACCELERATOR}-`) || path.includes(`/${DATABASE}/`) || path === DRIVER;
      if (cpu ?? os) assert.ok(optional && isKnown, path);
    }
  });

  it('bring both for x64 and arm64, with the digests that npm ci asks for', () => {
    for (const cpu of ['x64', 'arm64']) {
      for (const end of [`/${ACCELERATOR}-linux-${cpu}`, `/${DATABASE}/linux-${cpu}-gnu`]) {
        assert.ok(
          installed.some(([path]) => path.endsWith(end)),
          end,
        );
      }
    }
  });

  it('work without it', () => {
    const code = `import { pack, unpack, isNativeAccelerationEnabled } from 'msgpackr';
      const value = Array.from({ length: 100 }, (_, i) => 'a text of some length, number ' + i);
      console.log(isNativeAccelerationEnabled, unpack(pack(value)).join() === value.join());`;
    const off = ['env', 'MSGPACKR_NATIVE_ACCELERATION_DISABLED=true', process.execPath];
    const said = run(off[0]!, [...off.slice(1), '--input-type=module', '-e', code], projectRoot);
    assert.equal(said, 'false true\n');
  });
});
