/**
 * The files of a release, each made of a tree that has nothing but what is committed.
 *
 * Invariant: the same commit and the same tools give the same bytes, wherever and whenever. So times are the commit's, names are
 * sorted, owners are nobody, and nothing is drawn by chance.
 */
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseIgnore } from '../image-check/ignore.ts';
import { command } from './command.ts';
import { changelogOf, chartOf } from './versions.ts';

export interface Making {
  /** All that is committed, with node_modules beside it. */
  readonly tree: string;
  /** Where the files go. */
  readonly out: string;
  readonly version: string;
  readonly commit: string;
  /** Of the commit, in seconds. */
  readonly time: number;
}

/** Each writes its file, where there is something to write. */
export const parts: readonly ((making: Making) => void)[] = [
  npmPackage,
  imageContext,
  systemdUnits,
  chart,
  materials,
  notes,
  provenance,
];

/** What npm publishes; it has LICENSE and CHANGELOG.md in it. */
function npmPackage({ tree, out }: Making): void {
  command(tree, process.execPath, 'scripts/build.mjs');
  command(tree, 'npm', 'pack', '--ignore-scripts', '--silent', '--pack-destination', out);
}

/** `docker build - < …`: the Dockerfile, and what .dockerignore lets through. */
function imageContext({ tree, out, version, time }: Making): void {
  const isSent = parseIgnore(readFileSync(join(tree, '.dockerignore'), 'utf8'));
  const sent = command(tree, 'git', 'ls-files', '-z', '--others').split('\0');
  const names = sent.filter((path) => path !== '' && !/^(node_modules|dist)(\/|$)/.test(path) && isSent(path));
  archive(tree, join(out, `smallchange-image-${version}.tar.gz`), time, ['Dockerfile', '.dockerignore', ...names]);
}

function systemdUnits({ tree, out, version, time }: Making): void {
  archive(join(tree, 'examples'), join(out, `smallchange-systemd-${version}.tar.gz`), time, ['systemd']);
}

/** As `helm package` has it, under a name that the npm package has not. */
function chart({ tree, out, version, time }: Making): void {
  const folder = chartOf(tree);
  if (folder === undefined) return;
  const file = join(out, `smallchange-chart-${version}.tgz`);
  const named = mkdtempSync(join(tmpdir(), 'smallchange-chart-'));
  try {
    const name = /^name: (\S+)/m.exec(readFileSync(join(tree, folder, 'Chart.yaml'), 'utf8'))?.[1] ?? basename(folder);
    cpSync(join(tree, folder), join(named, name), { recursive: true });
    archive(named, file, time, [name]);
  } finally {
    rmSync(named, { recursive: true, force: true });
  }
}

/**
 * CycloneDX, of what is installed to run it. npm is shown a project that has nothing else: with `--omit dev` it leaves out what
 * packages for development need as well (npm 11). It would also number the bill by chance, date it now, and name it like the folder.
 */
function materials({ tree, out, version, time }: Making): void {
  const bill = JSON.parse(billOf(tree));
  delete bill.serialNumber;
  bill.metadata.component.name = 'smallchange';
  bill.metadata.timestamp = new Date(time * 1000).toISOString();
  const hash = createHash('sha256').update(JSON.stringify(bill)).digest('hex');
  const uuid = hash.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*/, '$1-$2-8$3-8$4-$5');
  const named = { ...bill, serialNumber: `urn:uuid:${uuid}` };
  writeFileSync(join(out, `smallchange-${version}.cdx.json`), `${JSON.stringify(named, null, 2)}\n`);
}

function billOf(tree: string): string {
  const project = mkdtempSync(join(tmpdir(), 'smallchange-materials-'));
  try {
    const { devDependencies, peerDependencies, peerDependenciesMeta, ...manifest } = read(tree, 'package.json');
    const lock = read(tree, 'package-lock.json');
    const needed = Object.entries<Locked>(lock.packages).filter(([, each]) => !each.dev && !each.devOptional);
    const { name, dependencies } = manifest;
    const packages = { ...Object.fromEntries(needed), '': { name, version: manifest.version, dependencies } };
    writeFileSync(join(project, 'package.json'), JSON.stringify(manifest));
    writeFileSync(join(project, 'package-lock.json'), JSON.stringify({ ...lock, packages }));
    return command(project, 'npm', 'sbom', '--sbom-format', 'cyclonedx', '--package-lock-only');
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
}

interface Locked {
  readonly dev?: boolean;
  readonly devOptional?: boolean;
}

const read = (tree: string, path: string) => JSON.parse(readFileSync(join(tree, path), 'utf8'));

function notes({ tree, out, version }: Making): void {
  writeFileSync(join(out, `smallchange-${version}.md`), `${changelogOf(tree, version)}\n`);
}

/** What somebody needs who wants to make the same bytes. */
function provenance({ tree, out, version, commit, time }: Making): void {
  const { version: typescript } = read(tree, 'node_modules/typescript/package.json');
  const made = {
    ...{ version, commit, committed: new Date(time * 1000).toISOString() },
    with: { node: process.versions.node, npm: command(tree, 'npm', '--version').trim(), typescript },
    by: 'npm ci && npm run release -- --dry-run',
  };
  writeFileSync(join(out, `smallchange-${version}.provenance.json`), `${JSON.stringify(made, null, 2)}\n`);
}

function archive(cwd: string, file: string, time: number, names: readonly string[]): void {
  const same = ['--format=ustar', '--sort=name', `--mtime=@${time}`, '--owner=0', '--group=0', '--numeric-owner'];
  const program = ['--mode=u=rwX,go=rX', '--use-compress-program=gzip -9n'];
  command(cwd, 'tar', ...same, ...program, '-cf', `${file}.part`, ...[...names].sort());
  renameSync(`${file}.part`, file);
}
