/** The client as a package: how large it is, that it needs nothing of Node and nothing of a page to be loaded (59, 61). */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { bundleClient } from '../../scripts/client-bundle.mjs';
import { INNER_NAMES } from '../../scripts/client-names.mjs';

/** What every page loads. It may become less; the aim is 5,120, and what is in its way is in docs/adr/0026-size-of-the-client.md. */
const CORE_MAX_BYTES = 7_840;
/** What is loaded when it is needed: other transports, one stream for all tabs, an outbox that is written down, batches. */
const REST_MAX_BYTES = 3_100;

async function files(): Promise<Map<string, Uint8Array>> {
  // For browsers: a `node:` module would be an error.
  const { outputFiles } = await bundleClient('out', false);
  return new Map(outputFiles.map(({ path, contents }) => [path.replace(/.*\//, ''), contents]));
}

/** The files that a file imports before it runs, itself too. */
function loadedWith(name: string, all: ReadonlyMap<string, Uint8Array>): Set<string> {
  const text = Buffer.from(all.get(name)!).toString();
  const others = [...text.matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g)].map(([, other]) => other!);
  return new Set([name, ...others.flatMap((other) => [...loadedWith(other, all)])]);
}

const weightOf = (contents: Uint8Array) => gzipSync(contents, { level: 9 }).length;

const folder = new URL('../../src/client/', import.meta.url);
const sourceOf = (file: string) => readFileSync(new URL(`${file}.ts`, folder), 'utf8');

/** What apps say and are told, and what is stored. */
const APPS = ['clock', 'contract', 'errors', 'options', 'storage'];
/** What is on the wire and between tabs, and what of a browser Node has not. */
const OTHERS: readonly (readonly [file: string, shape: string])[] = [
  ['batch', 'BatchLimits'],
  ['envelope', 'Envelope'],
  ['envelope', 'StateBody'],
  ['eventsource-transport', 'Source'],
  ['indexeddb', 'Browser'],
  ['indexeddb', 'Database'],
  ['indexeddb', 'Request'],
  ['indexeddb', 'Store'],
  ['intake', 'Sync'],
  ['locks', 'Locks'],
  ['page', 'Browser'],
  ['page', 'Target'],
  ['poll-transport', 'Answer'],
  ['reads', 'Page'],
  ['share', 'Broadcast'],
  ['share', 'Message'],
  ['transport', 'Told'],
];

function shapeOf(file: string, shape: string): string {
  const found = new RegExp(`interface ${shape}\\b.*?^}`, 'ms').exec(sourceOf(file));
  assert.ok(found, `${file} has ${shape}`);
  return found[0];
}

/** Of what both Node and browsers have. */
function platformNames(): Set<string> {
  const all = Object.getOwnPropertyNames(globalThis).map((name) => (globalThis as never)[name] as unknown);
  const classes = all.filter((each) => typeof each === 'function');
  return new Set(
    [...classes, ...classes.map((each) => each.prototype as object)].flatMap((each) =>
      each ? Object.getOwnPropertyNames(each) : [],
    ),
  );
}

describe('the client for browsers', () => {
  it('makes no name short that somebody else knows', () => {
    const known = [...APPS.map(sourceOf), ...OTHERS.map(([file, shape]) => shapeOf(file, shape))].join('\n');
    const all = readdirSync(folder).filter((file) => file.endsWith('.ts'));
    const ours = all.map((file) => sourceOf(file.slice(0, -3))).join('\n');
    const platform = platformNames();
    for (const name of INNER_NAMES) {
      // Declared: at the begin of a line, or behind what is declared before it in the same line.
      const declared = new RegExp(`(?:^|[{;,])\\s*(?:readonly |get )?${name}\\??[:(<]`, 'm');
      assert.ok(!declared.test(known), `${name} is known outside`);
      assert.ok(!platform.has(name), `${name} is a name of the platform`);
      assert.match(ours, new RegExp(`\\b${name}\\b`), `${name} is not used any more`);
    }
  });

  it(`is at most ${CORE_MAX_BYTES} bytes, gzipped, and ${REST_MAX_BYTES} for what few need`, async () => {
    const all = await files();
    const core = loadedWith('client.js', all);
    const sum = (names: Iterable<string>) => [...names].reduce((bytes, name) => bytes + weightOf(all.get(name)!), 0);
    const coreBytes = sum(core);
    const restBytes = sum([...all.keys()].filter((name) => !core.has(name)));
    assert.ok(all.size > core.size, 'some of it is loaded when it is needed');
    assert.ok(coreBytes <= CORE_MAX_BYTES, `the core has ${coreBytes} bytes`);
    assert.ok(restBytes <= REST_MAX_BYTES, `the rest has ${restBytes} bytes`);
  });
});
