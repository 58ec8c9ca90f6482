/** What is published: its parts and no others, and that resolvers and type checkers find in it what is said to be there. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { type Packed, pack, run, tool } from './packed.ts';

/** What a user has to load; it may become less. */
const PACKED_MAX_BYTES = 550_000;

describe('the package', () => {
  let packed: Packed;
  before(async () => {
    packed = await pack();
  });
  after(() => packed?.[Symbol.dispose]());

  const filesOf = (folder: string) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1));

  it('can be published, and says under which terms', () => {
    const { name, license, sideEffects } = packed.manifest;
    assert.deepEqual([name, license, sideEffects], ['smallchange', 'MIT', false]);
    assert.ok(!('private' in packed.manifest));
    assert.match(readFileSync(join(packed.folder, 'LICENSE'), 'utf8'), /^MIT License\n/);
  });

  it('has the program, the library, and what is to be read, and nothing that only we need', () => {
    const files = filesOf(packed.folder);
    const roots = new Set(files.map((path) => path.split('/')[0]));
    assert.deepEqual(
      [...roots].sort(),
      ['CHANGELOG.md', 'LICENSE', 'README.md', 'bin', 'dist', 'package.json'],
      'what is at its root',
    );
    for (const path of ['dist/web/client.js', 'dist/web/app/app.html', 'dist/client/client.d.ts']) {
      assert.ok(files.includes(path), path);
    }
    for (const kind of ['.lua', '.sql'])
      assert.ok(
        files.some((path) => path.endsWith(kind)),
        kind,
      );
    assert.deepEqual(
      files.filter((path) => path.endsWith('.built') || (path.endsWith('.ts') && !path.endsWith('.d.ts'))),
      [],
    );
    assert.ok(readFileSync(packed.tarball).length <= PACKED_MAX_BYTES);
  });

  it('names no machine that it was made on', () => {
    for (const path of filesOf(packed.folder)) {
      const text = readFileSync(join(packed.folder, path), 'utf8');
      assert.doesNotMatch(text, /\/(root|home|work)\/\w|sourceMappingURL=data:/, path);
    }
  });

  it('has for each file of the library a map that brings its source', () => {
    const folder = join(packed.folder, 'dist/client');
    for (const name of readdirSync(folder).filter((each) => each.endsWith('.js'))) {
      const map = JSON.parse(readFileSync(join(folder, `${name}.map`), 'utf8')) as { sourcesContent?: string[] };
      assert.ok(map.sourcesContent?.[0], name);
    }
  });

  it('exports files that are there, types first', () => {
    for (const [path, entry] of Object.entries(packed.manifest.exports)) {
      const targets = typeof entry === 'string' ? { default: entry } : entry;
      for (const target of Object.values(targets)) assert.ok(existsSync(join(packed.folder, target)), target);
      if (path !== './package.json') assert.deepEqual(Object.keys(targets), ['types', 'default'], path);
    }
  });

  it('is clean for publint', async () => {
    const file = readFileSync(packed.tarball);
    const tarball = file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength) as ArrayBuffer;
    const { messages, pkg } = await publint({ pack: { tarball }, strict: true });
    assert.ok(pkg);
    assert.deepEqual(
      messages.map((message) => formatMessage(message, pkg)),
      [],
    );
  });

  it('is clean for attw: what is imported has the types that are found for it, in every resolver that knows ESM', () => {
    // It ends with 1 where there is a problem. `require` of ESM and resolvers without `exports` are not promised.
    const words = [tool('@arethetypeswrong/cli/dist/index.js'), packed.tarball, '--profile', 'esm-only'];
    const said = run(process.execPath, [...words, '--format', 'json'], packed.folder);
    const { analysis } = JSON.parse(said) as { analysis: { entrypoints: object } };
    assert.deepEqual(Object.keys(analysis.entrypoints), Object.keys(packed.manifest.exports));
  });

  it('is loaded without a page and without any package, but for the framework of a binding', () => {
    for (const [path, name, besides] of [
      ['client', 'connect', []],
      ['testing', 'createFakeServer', []],
      ['client/svelte', 'channelStore', []],
      ['client/react', 'useChannel', ['react']],
      ['client/vue', 'useChannel', ['vue']],
    ] as const) {
      const code = `${besides.map((module) => `await import('${module}');`).join('')}
        const had = Object.keys(globalThis).length;
        const library = await import('smallchange/${path}');
        console.log(typeof library.${name}, Object.keys(globalThis).length - had);`;
      const project = packed.install(null, besides);
      assert.equal(run(process.execPath, ['--input-type=module', '-e', code], project), 'function 0\n', path);
    }
  });
});
