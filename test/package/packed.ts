/**
 * The package as `npm pack` makes it of what was built, and projects that have installed it: each in a folder of its own, outside of
 * ours, so that nothing is found that a user would not have.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { theBuilt } from '../support/process.ts';
import { projectRoot } from '../support/program.ts';

const consumers = new URL('consumers/', import.meta.url);
const RUN_MAX_MS = 120_000;
/** By these npm and the test runner tell their children about what they run for: ours, where a test is run by them. */
const ofOurs = /^(npm_(package_|lifecycle_|command$|config_(local_)?prefix$)|NODE_TEST_CONTEXT$)/;

export interface Packed extends Disposable {
  /** The file that a registry would give. */
  readonly tarball: string;
  /** What is in it. */
  readonly folder: string;
  readonly manifest: Manifest;
  /**
   * A project of `consumers/`, or an empty one, with the package among its modules, and of ours those that are named.
   *
   * @returns Its folder. It goes when this goes.
   */
  install(consumer: string | null, besides?: readonly string[]): string;
}

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly private?: boolean;
  readonly license: string;
  readonly sideEffects: boolean;
}

/** @throws with all it said, unless it ended with 0. @returns What it wrote to its standard output. */
export function run(program: string, words: readonly string[], cwd: string): string {
  const { status, signal, error, stdout, stderr } = spawnSync(program, words, {
    cwd,
    encoding: 'utf8',
    timeout: RUN_MAX_MS,
    env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !ofOurs.test(name))),
  });
  if (status === 0) return stdout;
  const how = error?.message ?? `ended with ${status ?? signal}`;
  throw new Error(`${program} ${words.join(' ')} ${how}:\n${stdout}${stderr}`);
}

/** The programs of our own modules, by the name of their file. */
export function tool(path: string): string {
  return join(projectRoot, 'node_modules', path);
}

export async function pack(): Promise<Packed> {
  await theBuilt();
  const scratch = mkdtempSync(join(tmpdir(), 'smallchange-package-'));
  const dispose = () => rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
  try {
    const name = run(
      'npm',
      ['pack', '--ignore-scripts', '--silent', '--pack-destination', scratch],
      projectRoot,
    ).trim();
    const tarball = join(scratch, name);
    run('tar', ['-xzf', tarball], scratch);
    const folder = join(scratch, 'package');
    return {
      tarball,
      folder,
      manifest: JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')),
      install(consumer, besides = []) {
        const project = mkdtempSync(join(scratch, `${consumer ?? 'empty'}-`));
        if (consumer !== null) cpSync(new URL(consumer, consumers), project, { recursive: true });
        cpSync(folder, join(project, 'node_modules/smallchange'), { recursive: true });
        for (const module of besides) {
          const path = join(project, 'node_modules', module);
          mkdirSync(dirname(path), { recursive: true });
          symlinkSync(join(projectRoot, 'node_modules', module), path);
        }
        return project;
      },
      [Symbol.dispose]: dispose,
    };
  } catch (error) {
    dispose();
    throw error;
  }
}
