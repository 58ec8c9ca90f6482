/** `npm run release -- --dry-run`, in copies of this project: what it makes, that it makes the same again, and when it refuses. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { run } from '../package/packed.ts';
import { projectRoot } from '../support/program.ts';

const scratch = mkdtempSync(join(tmpdir(), 'smallchange-releases-'));
const who = ['-c', 'user.name=test', '-c', 'user.email=test@example.com', '-c', 'commit.gpgsign=false'];
const words = ['--import', './scripts/typescript/register.mjs', 'scripts/release/release.ts', '--dry-run'];
const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));

/** The project as it is here, committed on a day of its own, with a section of CHANGELOG.md for its version. */
function copyOf(name: string): string {
  const copy = join(scratch, name);
  const files = run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], projectRoot).split('\0');
  for (const path of files.filter((each) => each !== '' && !/^(loadtest|test)\//.test(each))) {
    mkdirSync(dirname(join(copy, path)), { recursive: true });
    cpSync(join(projectRoot, path), join(copy, path));
  }
  symlinkSync(join(projectRoot, 'node_modules'), join(copy, 'node_modules'));
  edit(copy, 'CHANGELOG.md', (text) => text.replace(/^## Unreleased$/m, `## Unreleased\n\n## ${version} (2026-01-02)`));
  run('git', ['init', '--quiet'], copy);
  commit(copy);
  return copy;
}

function edit(copy: string, path: string, change: (text: string) => string): void {
  const text = readFileSync(join(copy, path), 'utf8');
  const changed = change(text);
  assert.notEqual(changed, text, path);
  writeFileSync(join(copy, path), changed);
}

function commit(copy: string): void {
  const env = { ...process.env, GIT_COMMITTER_DATE: '2026-01-02T03:04:05Z', GIT_AUTHOR_DATE: '2026-01-02T03:04:05Z' };
  for (const what of [
    ['add', '--all'],
    [...who, 'commit', '--quiet', '--message', 'all'],
  ]) {
    const { status, stderr } = spawnSync('git', what, { cwd: copy, env, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  }
}

/** @returns What it refuses for. */
function refusedIn(copy: string): string[] {
  const { status, stderr } = spawnSync(process.execPath, words, { cwd: copy, encoding: 'utf8' });
  assert.equal(status, 1, stderr);
  return stderr.trim().split('\n');
}

describe('npm run release -- --dry-run', () => {
  let copy = '';
  let out = '';
  let sums = '';
  before(async () => {
    copy = copyOf('one');
    out = join(copy, '.dist-release');
    const made = [copy, copyOf('two')].map((cwd) => promisify(execFile)(process.execPath, words, { cwd }));
    const [one, two] = await Promise.all(made);
    sums = one!.stdout.split('All of it')[0]!;
    assert.equal(
      two!.stdout.split('All of it')[0],
      sums,
      'the same commit gives the same bytes, in another folder too',
    );
  });
  after(() => rmSync(scratch, { recursive: true, force: true, maxRetries: 5 }));

  it('makes the package, the context of the image, the units, the bill of materials, the notes, and their sums', () => {
    const chart = run('git', ['ls-files', 'k8s/*Chart.yaml'], copy) === '' ? [] : [`smallchange-chart-${version}.tgz`];
    assert.deepEqual(readdirSync(out).sort(), [
      'SHA256SUMS',
      `smallchange-${version}.cdx.json`,
      `smallchange-${version}.md`,
      `smallchange-${version}.provenance.json`,
      `smallchange-${version}.tgz`,
      ...chart,
      `smallchange-image-${version}.tar.gz`,
      `smallchange-systemd-${version}.tar.gz`,
    ]);
    assert.equal(readFileSync(join(out, 'SHA256SUMS'), 'utf8'), sums);
    run('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], out);
    assert.equal(run('git', ['status', '--porcelain'], copy), '', 'and leaves the tree as it was');
  });

  it('has the licence in the package, and in the context of the image all that the Dockerfile copies', () => {
    const list = (name: string) => run('tar', ['-tzf', join(out, name)], out).split('\n');
    assert.ok(list(`smallchange-${version}.tgz`).includes('package/LICENSE'));
    const context = list(`smallchange-image-${version}.tar.gz`);
    for (const path of ['Dockerfile', 'package-lock.json', 'src/main.ts', 'scripts/build.mjs']) {
      assert.ok(context.includes(path), path);
    }
    assert.ok(!context.some((path) => /^(node_modules|dist|test|\.git)(\/|$)/.test(path)));
  });

  it('lists in the bill what the package depends on, and nothing of ours alone', () => {
    const bill = JSON.parse(readFileSync(join(out, `smallchange-${version}.cdx.json`), 'utf8'));
    assert.equal(bill.bomFormat, 'CycloneDX');
    assert.match(bill.serialNumber, /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(bill.metadata.timestamp, '2026-01-02T03:04:05.000Z');
    const names = bill.components.map(({ name }: { name: string }) => name);
    const { packages } = JSON.parse(readFileSync(join(copy, 'package-lock.json'), 'utf8'));
    const needed = Object.entries<{ dev?: boolean; devOptional?: boolean }>(packages)
      .filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional)
      .map(([path]) => path.replace(/.*node_modules\//, ''));
    assert.deepEqual([...new Set(names)].sort(), [...new Set(needed)].sort());
    const { dependencies } = packages[''];
    for (const name of Object.keys(dependencies)) assert.ok(names.includes(name), name);
    assert.ok(!names.includes('typescript') && !names.includes('react'));
  });

  it('may be made again at its tag, and refuses a tag of something else', () => {
    run('git', [...who, 'tag', '--annotate', `v${version}`, '--message', 'x'], copy);
    writeFileSync(join(copy, 'more.txt'), '');
    assert.deepEqual(refusedIn(copy), ['not released: there are changes that are not committed']);
    commit(copy);
    assert.deepEqual(refusedIn(copy), [`not released: there is a tag v${version} already`]);
    run('git', ['tag', '--delete', `v${version}`], copy);
  });

  it('refuses what is not committed, has no section, or says two versions', () => {
    writeFileSync(join(copy, 'left-over.txt'), '');
    assert.deepEqual(refusedIn(copy), ['not released: there are changes that are not committed']);
    rmSync(join(copy, 'left-over.txt'));
    edit(copy, 'CHANGELOG.md', (text) => text.replace(`## ${version} `, '## 0.0.1 '));
    edit(copy, 'compose.yaml', (text) => text.replace(`smallchange:${version}`, 'smallchange:9.9.9'));
    commit(copy);
    const [other, section, ...more] = refusedIn(copy);
    assert.match(other!, /compose\.yaml says 9\.9\.9/);
    assert.match(section!, /CHANGELOG\.md has nothing under/);
    assert.deepEqual(more, []);
  });
});
