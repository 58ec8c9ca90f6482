/** docs/sizing.md has the model's table, the model has the document's figures, and what it says can be set. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { figures, sizingOf } from '../../scripts/sizing/model.ts';
import { clients, sizingTable } from '../../scripts/sizing/table.ts';
import { readConfig } from '../../src/config.ts';

const page = readFileSync(new URL('../../docs/sizing.md', import.meta.url), 'utf8');

/** What the second column of figures says of a letter, in its unit. */
function measured(letter: string): number {
  const row = page.split('\n').find((line) => line.startsWith(`| **${letter}**`) && /\d (KiB|MiB|µs) \|/.test(line));
  const values = [...(row ?? '').matchAll(/ ([\d.]+) (KiB|MiB|µs) \|/g)].map(([, number, unit]) => {
    return Number(number) * { KiB: 1024, MiB: 1024 ** 2, µs: 1e-6 }[unit!]!;
  });
  return Math.max(...values);
}

describe('the sizing model', () => {
  it('is what docs/sizing.md says first (npm run docs:sizing)', () => {
    const between = /<!-- sizing -->\n([\s\S]*?)\n<!-- \/sizing -->/.exec(page)?.[1];
    assert.equal(between?.trim(), sizingTable());
  });

  it('reckons with the dearer of the two figures that the document has of each letter', () => {
    for (const letter of ['k', 'g', 'b', 'c', 'm', 'r'] as const) {
      const row = letter === 'c' ? 'c**, **h' : letter === 'g' ? 'g** above **b' : letter;
      assert.equal(measured(row).toPrecision(6), figures[letter].toPrecision(6), letter);
    }
    assert.equal(figures.h, figures.c);
    assert.ok(page.includes(`| HTTP/1.1 in TLS, a connection each | ${figures.p / 1024} |`));
    assert.ok(page.includes(`40 histories of 1,024 events: ${figures.e} bytes`));
  });

  it('follows the arithmetic of the document', () => {
    const { changes, events, heartbeats, gatewayCpu, storeCpu, kernelBytes } = sizingOf(6_000);
    assert.deepEqual([changes, events, heartbeats], [100, 1_000, 300]);
    assert.equal(gatewayCpu.toFixed(4), (1_300 * 36e-6).toFixed(4));
    assert.equal(storeCpu.toFixed(4), '0.0600');
    assert.equal(kernelBytes, 6_000 * 3 * 4.2 * 1024);
  });

  it('never needs less for more, and says when one machine is too small', () => {
    const all = [...clients, 300_000].map(sizingOf);
    for (const [i, sizing] of all.entries()) {
      assert.ok(i === 0 || sizing.bytes > all[i - 1]!.bytes);
    }
    assert.equal(sizingOf(2_000_000).machine, undefined);
  });

  it('gives each process what its streams need: MAX_STREAMS follows', () => {
    for (const sizing of clients.map(sizingOf)) {
      const outcome = readConfig({}, { descriptors: sizing.descriptors, memoryBytes: sizing.memoryMax });
      assert.ok(outcome.ok && outcome.config.maxStreams >= sizing.streamsEach);
      assert.ok(sizing.gateways === 1 || (sizing.gateways - 1) * sizing.streamsEach >= sizing.clients);
    }
  });
});
