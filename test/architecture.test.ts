/**
 * The architecture, as far as it can be read off the import statements: who may use whom (DESIGN's table, also in
 * docs/ARCHITECTURE.md), what only one place may touch, how large a file may grow, and that README tells the settings.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, normalize, relative, sep } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { settingsTable } from '../src/config.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const src = join(root, 'src');

interface Import {
  /** Path from src of one of our files, or the name of a package or `node:` module. */
  readonly target: string;
  /** Erased by the compiler. */
  readonly typeOnly: boolean;
}

interface Source {
  /** Path from src, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

/** Comments could name modules that are not imported; strings are left, they are what is looked for. */
function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '$1');
}

const statement = /\b(import|export)\s+(type\s+)?([^'";]*?)\s*from\s*['"]([^'"]+)['"]/g;
const bare = /\bimport\s*\(?\s*['"]([^'"]+)['"]/g;

function importsOf(path: string, text: string): Import[] {
  const code = withoutComments(text);
  const resolve = (target: string) =>
    target.startsWith('.')
      ? normalize(join(dirname(path), target))
          .split(sep)
          .join('/')
      : target;
  const found: Import[] = [];
  for (const [, , type, names, target] of code.matchAll(statement)) {
    const inner = /^\{([\s\S]*)\}$/
      .exec(names!.trim())?.[1]
      ?.split(',')
      .filter((name) => name.trim() !== '');
    const typeOnly = type !== undefined || (inner?.every((name) => /^\s*type\s/.test(name)) ?? false);
    found.push({ target: resolve(target!), typeOnly });
  }
  for (const [, target] of code.matchAll(bare)) found.push({ target: resolve(target!), typeOnly: false });
  return found;
}

const sources: Source[] = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => {
    const text = readFileSync(join(src, path), 'utf8');
    const slashed = path.split(sep).join('/');
    return { path: slashed, text, imports: importsOf(slashed, text) };
  });

interface Rule {
  /** What this row of the table is about. */
  readonly of: RegExp;
  /** What it may import, types and values; `node:` modules too unless `pure`. */
  readonly may: readonly RegExp[];
  /** What it may import types of. */
  readonly mayType?: readonly RegExp[];
  /** No I/O: of Node only what computes. */
  readonly pure?: boolean;
}

const domain = /^domain\//;
const http = /^http\//;
const errors = /^errors\.ts$/;
const log = /^log\.ts$/;
const metrics = /^metrics\.ts$/;
const clock = /^clock\.ts$/;
const config = /^config\.ts$/;
const access = /^access\/(access|limits)\.ts$/;
const sessionCookie = /^access\/session-cookie\.ts$/;
const contract = /^engine\/(engine|archiving|commit|comparing|erasing|evidence|inbox|observer|refilling)\.ts$/;
const fastify = /^(fastify|@fastify\/.*)$/;

/** A role may use what all may use, and itself; never another role, never an implementation. */
function role(name: string, ...packages: RegExp[]): Rule {
  const own = new RegExp(`^${name}/`);
  return {
    of: own,
    may: [own, domain, http, errors, log, metrics, clock, ...packages],
    mayType: [contract, config, access, fastify],
  };
}

const rules: readonly Rule[] = [
  { of: domain, may: [domain], pure: true },
  { of: contract, may: [], mayType: [domain, contract], pure: true },
  { of: /^engine\/memory/, may: [/^engine\/memory/, contract, domain, clock, errors] },
  {
    of: /^engine\/redis\//,
    may: [/^engine\/redis\//, contract, domain, clock, errors, /^ioredis$/, /^msgpackr$/, /^cluster-key-slot$/],
  },
  {
    of: /^engine\/durable\//,
    // Events lie on its disk as they do in the archive.
    may: [
      /^engine\/(durable|memory)\//,
      /^archive\/packing\.ts$/,
      contract,
      domain,
      clock,
      errors,
      /^libsql$/,
      /^msgpackr$/,
    ],
    mayType: [/^archive\/inspection\.ts$/],
  },
  {
    of: http,
    may: [http, errors, clock, /^domain\/(chain|waiting-in-turn)\.ts$/, fastify, /^ipaddr\.js$/, sessionCookie],
    mayType: [log, metrics, config, access],
  },
  { of: /^access\//, may: [/^access\//, domain, errors, /^jose$/], mayType: [log, clock, config, metrics] },
  role('bucket', /^msgpackr$/, /^fastest-levenshtein$/),
  { ...role('merger'), mayType: [...role('merger').mayType!, /^archive\/archive\.ts$/] },
  role('gateway', /^msgpackr$/),
  { ...role('archiver'), mayType: [...role('archiver').mayType!, /^archive\/archive\.ts$/] },
  { ...role('eraser', contract), mayType: [...role('eraser').mayType!, /^archive\/archive\.ts$/] },
  // A program of its own.
  {
    of: /^archive\/tool\/main\.ts$/,
    may: [/^archive\//, domain, config, /^engine\/durable\/inspection\.ts$/, /^merger\/reducers\//],
  },
  { of: /^archive\//, may: [/^archive\//, domain, errors, clock, /^pg$/, /^msgpackr$/], mayType: [contract, log] },
  {
    of: /^config(\.ts|\/)/,
    may: [/^config\//, /^access\/(grants|key-kind)\.ts$/, /^fastest-levenshtein$/, /^ipaddr\.js$/],
  },
  // Each knows its framework, which its users have, and of the library what it is given.
  {
    of: /^client\/bindings\//,
    may: [/^client\/bindings\//, /^(react|vue)$/],
    mayType: [/^client\/contract\.ts$/],
    pure: true,
  },
  // It runs in browsers: of what is pure, only what needs no Node at all (`test/client/bundle.test.ts`).
  { of: /^client\//, may: [/^client\//, domain], pure: true },
  // It runs in browsers: the library, and what that may know too. A package is bundled (`scripts/app-bundle.mjs`).
  { of: /^web\//, may: [/^web\//, /^client\/client\.ts$/, /^domain\/channel\.ts$/, /^uqr$/], pure: true },
  // What it merges it merges as the merger does.
  { of: /^testing\//, may: [/^testing\//, /^client\//, domain, /^merger\/reducers\//], pure: true },
  { of: errors, may: [], pure: true },
  { of: clock, may: [], pure: true },
  { of: log, may: [/^pino(-pretty)?$/], mayType: [config] },
  { of: metrics, may: [/^prom-client$/] },
  { of: /^(app|app\/.*)\.ts$/, may: [/^(?!main\.ts$)/] },
  { of: /^await-engine\.ts$/, may: [errors], mayType: [contract, log, clock] },
  { of: /^watch-engine\.ts$/, may: [errors], mayType: [contract, metrics] },
  { of: /^heap\.ts$/, may: [] },
  { of: /^serve\.ts$/, may: [/^app\.ts$/, /^supervise\/pulse\.ts$/, errors], mayType: [config, log] },
  { of: /^supervise\.ts$/, may: [/^serve\.ts$/, /^supervise\//], mayType: [config, log] },
  { of: /^supervise\//, may: [/^supervise\//], mayType: [log] },
  { of: /^main\.ts$/, may: [/./] },
];

const pureBuiltins = ['node:crypto', 'node:buffer'];

/** Why an import is not allowed, or undefined. */
function objection(rule: Rule, { target, typeOnly }: Import): string | undefined {
  if (builtinModules.includes(target)) return 'Node modules are imported as node:…';
  if (target.startsWith('node:')) return rule.pure && !pureBuiltins.includes(target) ? 'no I/O here' : undefined;
  if (rule.may.some((allowed) => allowed.test(target))) return undefined;
  if (!rule.mayType?.some((allowed) => allowed.test(target))) return 'not in its row of the table';
  return typeOnly ? undefined : 'types only';
}

describe('imports', () => {
  it('are found at all, so that the rules below are about something', () => {
    const all = sources.flatMap(({ imports }) => imports);
    assert.ok(sources.length > 30 && all.length > 100, `${sources.length} files, ${all.length} imports`);
    const sample = `/* import a from 'no' */ import type { A } from './a.ts'; // import b from 'no'
      import { type B, type C } from "b"; import D, { type E } from 'd'; import 'e';
      export * from '../f.ts'; export type { G } from 'g'; await import('h'); import {\n  type I,\n  J,\n} from 'i';`;
    assert.deepEqual(importsOf('x/y.ts', sample), [
      { target: 'x/a.ts', typeOnly: true },
      { target: 'b', typeOnly: true },
      { target: 'd', typeOnly: false },
      { target: 'f.ts', typeOnly: false },
      { target: 'g', typeOnly: true },
      { target: 'i', typeOnly: false },
      { target: 'e', typeOnly: false },
      { target: 'h', typeOnly: false },
    ]);
  });

  it('follow the table', () => {
    const broken: string[] = [];
    for (const { path, imports } of sources) {
      const rule = rules.find(({ of }) => of.test(path));
      if (rule === undefined) {
        broken.push(`${path}: no row of the table is about it`);
        continue;
      }
      for (const imported of imports) {
        const why = objection(rule, imported);
        if (why !== undefined) broken.push(`${path} imports ${imported.target}: ${why}`);
      }
    }
    assert.deepEqual(broken, []);
  });

  it('name files that exist, in no circle, not even of types', () => {
    const known = new Map(sources.map((source) => [source.path, source]));
    const isOurs = ({ target }: Import) => target.endsWith('.ts');
    const lost = sources.flatMap(({ path, imports }) =>
      imports
        .filter((imported) => isOurs(imported) && !known.has(imported.target))
        .map(({ target }) => `${path} → ${target}`),
    );
    assert.deepEqual(lost, []);

    const done = new Set<string>();
    const visit = (path: string, trail: readonly string[]): void => {
      assert.ok(!trail.includes(path), `a circle: ${[...trail, path].join(' → ')}`);
      if (done.has(path)) return;
      for (const { target } of known.get(path)!.imports.filter(isOurs)) visit(target, [...trail, path]);
      done.add(path);
    };
    for (const { path } of sources) visit(path, []);
  });

  it('of packages are all declared as dependencies', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, object>;
    const declared = {
      ...manifest.dependencies,
      ...manifest.optionalDependencies,
      ...manifest.peerDependencies,
    };
    for (const { path, imports } of sources) {
      // The app has them inside: nobody who installs us needs them.
      const here = path.startsWith('web/') ? { ...manifest.devDependencies } : declared;
      for (const { target } of imports.filter((each) => !/^node:|\.ts$/.test(each.target))) {
        assert.ok(target in here, `${path}: ${target}`);
      }
    }
  });
});

describe('only one place', () => {
  it('reads the environment', () => {
    const readers = sources.filter(({ text }) => /process\s*(\.\s*env\b|\[)/.test(withoutComments(text)));
    assert.deepEqual(
      readers.map(({ path }) => path),
      ['config.ts'],
    );
  });

  it('knows SQLite', () => {
    const users = sources.filter(({ imports }) => imports.some(({ target }) => target === 'libsql'));
    assert.deepEqual(
      users.map(({ path }) => path),
      ['engine/durable/database.ts'],
    );
  });

  it('knows ioredis', () => {
    const users = sources.filter(({ imports }) => imports.some(({ target }) => target === 'ioredis'));
    for (const { path } of users) assert.match(path, /^engine\/redis\//);
  });
});

describe('every file', () => {
  it('has at most 300 lines', () => {
    const everything = readdirSync(src, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    for (const entry of everything) {
      const path = join(entry.parentPath ?? entry.path, entry.name);
      const lines = readFileSync(path, 'utf8').split('\n').length - 1;
      assert.ok(lines <= 300, `${relative(root, path)} has ${lines} lines`);
    }
  });

  it('opens with what it is responsible for', () => {
    for (const { path, text } of sources) assert.match(text, /^\/\*\*\s/, path);
  });
});

describe('README', () => {
  it('has the settings as the schema has them (npm run docs:settings)', () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    const between = /<!-- settings -->\n([\s\S]*?)\n<!-- \/settings -->/.exec(readme)?.[1];
    assert.equal(between?.trim(), settingsTable());
  });
});
