/**
 * `npm run release -- --dry-run`: makes all files of a release of what is committed, and publishes nothing. Without `--dry-run` it also
 * sets the tag. docs/releasing.md says what is done with them.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { command } from './command.ts';
import { parts } from './parts.ts';
import { changelogOf, disagreements, versionOf } from './versions.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const git = (...words: string[]) => command(root, 'git', ...words).trim();

/** One sentence for each reason not to release this. */
function refusals(version: string, isDry: boolean): string[] {
  const found = disagreements(root);
  if (git('status', '--porcelain') !== '') found.push('there are changes that are not committed');
  if (!changelogOf(root, version)) {
    found.push(`CHANGELOG.md has nothing under \`## ${version}\`: move there what is under \`## Unreleased\``);
  }
  // Whoever checks a release makes it again at its tag.
  const tagged = git('tag', '--list', `v${version}`) !== '' && git('rev-list', '-1', `v${version}`);
  if (tagged && !(isDry && tagged === git('rev-parse', 'HEAD'))) found.push(`there is a tag v${version} already`);
  return found;
}

/** Of what is committed, and not of what lies about: git's own export, and the packages that are installed. */
function exportTo(tree: string): void {
  command(root, 'sh', '-c', 'git archive --format=tar HEAD | tar -xf - -C "$0"', tree);
  // A repository of its own, so that what is asked of git below is asked of this.
  command(tree, 'git', 'init', '--quiet');
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
}

function sums(out: string): string {
  return readdirSync(out)
    .filter((name) => name !== 'SHA256SUMS')
    .sort()
    .map(
      (name) =>
        `${createHash('sha256')
          .update(readFileSync(join(out, name)))
          .digest('hex')}  ${name}\n`,
    )
    .join('');
}

function release(version: string, out: string): void {
  const tree = mkdtempSync(join(tmpdir(), 'smallchange-release-'));
  try {
    exportTo(tree);
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out, { recursive: true });
    const making = {
      tree,
      out,
      version,
      commit: git('rev-parse', 'HEAD'),
      time: Number(git('log', '-1', '--format=%ct')),
    };
    for (const make of parts) make(making);
    writeFileSync(join(out, 'SHA256SUMS'), sums(out));
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

const { values } = parseArgs({ options: { 'dry-run': { type: 'boolean' }, out: { type: 'string' } } });
const version = versionOf(root);
const isDry = values['dry-run'] ?? false;
const found = refusals(version, isDry);
if (found.length > 0) {
  for (const why of found) console.error(`not released: ${why}`);
  process.exitCode = 1;
} else {
  const out = resolve(values.out ?? join(root, '.dist-release'));
  release(version, out);
  process.stdout.write(readFileSync(join(out, 'SHA256SUMS'), 'utf8'));
  if (isDry) console.log(`All of it is in ${out}. Nothing was published, no tag was set.`);
  else {
    git('tag', '--annotate', `v${version}`, '--message', `smallchange ${version}`);
    console.log(`All of it is in ${out}, and the tag v${version} is set. docs/releasing.md says what comes next.`);
  }
}
