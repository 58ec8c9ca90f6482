/** compose.yaml, as far as it can be seen without Docker: its processes would start, and its edge knows all of them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { readConfig } from '../../src/config.ts';

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: object;
  readonly stop_grace_period?: string;
}

const text = readFileSync(new URL('../../compose.yaml', import.meta.url), 'utf8');
const { services } = parse(text, { merge: true }) as { services: Record<string, Service> };
const ours = Object.entries(services).filter(([, { image }]) => image.startsWith('smallchange:'));

/** HOST is the image's own. */
const configured = (service: Service) =>
  readConfig({ HOST: '0.0.0.0', ...service.environment }, { descriptors: 65_536, memoryBytes: 2 ** 31 });

describe('compose.yaml', () => {
  it('gives each of our processes a configuration it starts with, and the time to drain', () => {
    assert.equal(ours.length, 5);
    for (const [name, service] of ours) {
      const outcome = configured(service);
      assert.ok(outcome.ok, `${name}: ${JSON.stringify(outcome)}`);
      assert.ok(Number.parseInt(service.stop_grace_period ?? '', 10) * 1000 > outcome.config.drainMs, name);
    }
  });

  it('tells the edge of every gateway and bucket, and starts it after them', () => {
    const { environment } = services['edge-config']!;
    const waitsFor = Object.keys(services.edge!.depends_on ?? {});
    for (const [role, list] of [
      ['gateway', 'GATEWAYS'],
      ['bucket', 'BUCKETS'],
    ] as const) {
      const names = ours.filter(([, service]) => service.environment?.ROLES === role).map(([name]) => name);
      assert.equal(environment?.[list], names.map((name) => `${name}:8080`).join(','));
      assert.ok(names.every((name) => waitsFor.includes(name)));
    }
  });

  it('waits for whom can be seen to be healthy', () => {
    for (const [name, { depends_on = {} }] of Object.entries(services)) {
      for (const [other, { condition }] of Object.entries(depends_on)) {
        const isSeen = services[other]!.healthcheck !== undefined || ours.some(([each]) => each === other);
        assert.ok(condition !== 'service_healthy' || isSeen, `${name} waits for ${other}`);
      }
    }
  });

  it('has a Redis that forgets nothing', () => {
    const words = services.redis!.command!.join(' ');
    for (const directive of ['--appendonly yes', '--appendfsync always', '--maxmemory-policy noeviction']) {
      assert.ok(words.includes(directive), directive);
    }
  });
});
