/** The client as a package: how large it is, that it needs nothing of Node and nothing of a page to be loaded (59, 61). */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { bundleClient } from '../../scripts/client-bundle.mjs';

/** What every page loads. It may become less; the aim is 5,120. */
const CORE_MAX_BYTES = 9_320;
/** What is loaded when it is needed: other transports, one stream for all tabs. */
const REST_MAX_BYTES = 3_072;

async function files(): Promise<Map<string, Uint8Array>> {
  // For browsers: a `node:` module would be an error.
  const { outputFiles } = await bundleClient('out', false);
  return new Map(outputFiles!.map(({ path, contents }) => [path.replace(/.*\//, ''), contents]));
}

/** The files that a file imports before it runs, itself too. */
function loadedWith(name: string, all: ReadonlyMap<string, Uint8Array>): Set<string> {
  const text = Buffer.from(all.get(name)!).toString();
  const others = [...text.matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g)].map(([, other]) => other!);
  return new Set([name, ...others.flatMap((other) => [...loadedWith(other, all)])]);
}

const weightOf = (contents: Uint8Array) => gzipSync(contents, { level: 9 }).length;

describe('the client for browsers', () => {
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
