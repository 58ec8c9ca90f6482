/** Where a version is named, and whether all of it agrees with package.json. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Files, and folders with all that is in them, in which an image may be named with its tag. */
const TAGGED = ['Dockerfile', 'compose.yaml', 'README.md', 'docs', 'examples', 'k8s', 'proxy'];
const TAG = /\bsmallchange:(\d+\.\d+\.\d+[\w.-]*)|\bnewTag: ["']?([\w.-]+)/g;

interface Mention {
  readonly where: string;
  readonly version: string | undefined;
}

/** @returns The version of package.json. */
export function versionOf(root: string): string {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;
}

/** @returns One sentence for each place that names another version. */
export function disagreements(root: string): string[] {
  const wanted = versionOf(root);
  return [...mentions(root)]
    .filter(({ version }) => version !== wanted)
    .map(({ where, version }) => `${where} says ${version ?? 'no version'}, and package.json ${wanted}`);
}

/** @returns The folder of the Helm chart, relative to the root, where there is one. */
export function chartOf(root: string): string | undefined {
  const found = filesIn(root, 'k8s').find((path) => path.endsWith('/Chart.yaml'));
  return found?.slice(0, -'/Chart.yaml'.length);
}

/** @returns What CHANGELOG.md says of the version below its heading, or undefined where there is none. */
export function changelogOf(root: string, version: string): string | undefined {
  const [, ...sections] = readFileSync(join(root, 'CHANGELOG.md'), 'utf8').split(/^## /m);
  const section = sections.find((text) => text.split(/\s/, 1)[0] === version);
  return section?.slice(section.indexOf('\n')).trim();
}

function* mentions(root: string): Iterable<Mention> {
  const read = (path: string) => readFileSync(join(root, path), 'utf8');
  const lock = JSON.parse(read('package-lock.json'));
  yield { where: 'package-lock.json', version: lock.version };
  yield { where: 'package-lock.json, of its root', version: lock.packages[''].version };
  yield { where: 'src/http/openapi.ts', version: /version: '([^']+)'/.exec(read('src/http/openapi.ts'))?.[1] };
  for (const path of TAGGED.flatMap((each) => filesIn(root, each))) {
    for (const [, tag, newTag] of read(path).matchAll(TAG)) yield { where: path, version: tag ?? newTag };
  }
  const chart = chartOf(root);
  for (const key of chart === undefined ? [] : ['version', 'appVersion']) {
    const found = new RegExp(`^${key}: ["']?([\\w.-]+)`, 'm').exec(read(`${chart}/Chart.yaml`));
    yield { where: `${chart}/Chart.yaml, ${key}`, version: found?.[1] };
  }
}

/** Relative to the root, sorted. */
function filesIn(root: string, path: string): string[] {
  if (!existsSync(join(root, path))) return [];
  if (statSync(join(root, path)).isFile()) return [path];
  return readdirSync(join(root, path), { recursive: true, encoding: 'utf8' })
    .map((name) => `${path}/${name}`)
    .filter((name) => statSync(join(root, name)).isFile())
    .sort();
}
