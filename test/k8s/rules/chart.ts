/** The Helm chart and kustomize install the same: each pair of values and overlay gives the same objects. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { parse as parseYaml } from 'yaml';
import { templates } from '../../../scripts/chart/chart.ts';
import { withoutHashes } from '../../../scripts/chart/hashes.ts';
import { renderChart } from '../../../scripts/chart/helm/render.ts';
import { folderOf } from '../../../scripts/k8s-check/check.ts';
import { type Manifest, parseManifests, titleOf } from '../../../scripts/k8s-check/manifests.ts';
import { problemsOf } from '../../../scripts/k8s-check/problems.ts';
import { render } from '../../../scripts/k8s-check/render.ts';

const chart = new URL('../../../k8s/chart/', import.meta.url);
const overlays = new URL('../../../k8s/overlays/', import.meta.url);

/** The values of the chart, and the overlay that they stand for. */
const pairs = [
  ['dev', 'overlays/dev'],
  ['prod', 'overlays/prod'],
  ['ingress', 'overlays/examples/ingress'],
  ['gateway-api', 'overlays/examples/gateway-api'],
  ['redis-sentinel', 'overlays/examples/redis-sentinel'],
  ['redis-operator', 'overlays/examples/redis-operator'],
  ['archive', 'overlays/examples/archive'],
] as const;

type Values = Record<string, Record<string, unknown>>;

function valuesOf(name: string): Values {
  const values = parseYaml(readFileSync(new URL(`ci/${name}-values.yaml`, chart), 'utf8')) as Values;
  // As --set-file does it.
  if (name === 'dev') {
    Object.assign(values.redis!.secret as object, {
      'users.acl': readFileSync(new URL('dev/users.acl', overlays), 'utf8'),
    });
  }
  return values;
}

function installed(values: Values, namespace: string): Manifest[] {
  return parseManifests(renderChart(values, { name: 'any', namespace }).yaml);
}

/** By title. The Namespace is Helm's own, and the checksum stands for the hash in a name. */
function comparable(manifests: readonly Manifest[]): Record<string, unknown> {
  const plain = withoutHashes(manifests).map((each) => (each.kind === 'Secret' ? unbroken(each) : each));
  const withoutChecksums = JSON.parse(JSON.stringify(plain), (key, value: unknown) => {
    if (key !== 'annotations') return value;
    const { 'checksum/config': _, ...annotations } = value as Record<string, string>;
    return Object.keys(annotations).length === 0 ? undefined : annotations;
  }) as Manifest[];
  const pairs = withoutChecksums
    .filter(({ kind }) => kind !== 'Namespace')
    .map((each) => [titleOf(each), each] as const);
  return Object.fromEntries(pairs.sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** kustomize breaks base64 into lines. */
function unbroken(secret: Manifest): Manifest {
  const data = Object.entries(secret.data as Record<string, string>);
  return { ...secret, data: Object.fromEntries(data.map(([name, text]) => [name, text.replaceAll(/\s/g, '')])) };
}

describe('the Helm chart', () => {
  it('has the templates that the manifests make (npm run k8s:chart)', () => {
    const folder = new URL('templates/', chart);
    const made = templates();
    for (const [name, text] of made) {
      assert.ok(readFileSync(new URL(name, folder), 'utf8') === text, `${name} is older than k8s/: npm run k8s:chart`);
    }
    const written = readdirSync(folder).filter((name) => !made.has(name));
    assert.deepEqual(written.sort(), ['NOTES.txt', '_helpers.tpl', 'secret-redis.yaml']);
  });

  it('is of the version that the package is', () => {
    const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    const about = parseYaml(readFileSync(new URL('Chart.yaml', chart), 'utf8')) as {
      version: string;
      appVersion: string;
    };
    assert.deepEqual([about.version, about.appVersion], [version, version]);
  });

  for (const [name, overlay] of pairs) {
    it(`installs what k8s/${overlay} does, with ci/${name}-values.yaml`, () => {
      const wanted = parseManifests(render(folderOf(overlay)));
      const namespace = wanted.find(({ metadata }) => metadata.namespace !== undefined)!.metadata.namespace!;
      const given = installed(valuesOf(name), namespace);
      const [one, other] = [comparable(given), comparable(wanted)];
      assert.deepEqual(Object.keys(one), Object.keys(other));
      for (const title of Object.keys(other)) assert.deepEqual(one[title], other[title], title);
      assert.deepEqual(problemsOf(given, { isWhole: true }), []);
    });
  }

  describe('told otherwise', () => {
    let values: Values;
    before(() => {
      values = valuesOf('prod');
    });

    const changed = (more: Values) => installed({ ...values, ...more }, 'here');
    const find = (manifests: readonly Manifest[], title: string) =>
      manifests.find((each) => titleOf(each) === title) as never;

    it('restarts what a changed setting is of, and nothing else', () => {
      const sums = (manifests: readonly Manifest[]) =>
        Object.fromEntries(
          manifests
            .filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet')
            .map((each) => [titleOf(each), JSON.stringify(each.spec).match(/"checksum\/config":"(\w+)"/)?.[1]]),
        );
      const [before, after] = [changed({}), changed({ gateway: { settings: { HEARTBEAT_MS: 30_000 } } })].map(sums);
      const restarted = Object.keys(after!).filter((title) => before![title] !== after![title]);
      assert.ok(
        Object.values(after!).every((sum) => sum !== undefined),
        JSON.stringify(after),
      );
      assert.deepEqual(restarted, ['Deployment/smallchange-gateway']);
    });

    it('takes images by digest, of ours and of others, and one role before the others', () => {
      const digest = `sha256:${'a'.repeat(64)}`;
      const manifests = changed({
        image: { repository: 'registry.example/smallchange', tag: '0.2.0' },
        merger: { image: { tag: '0.3.0' } },
        edge: { image: { digest } },
      });
      const imageOf = (name: string): string => {
        const { spec } = find(manifests, `Deployment/smallchange-${name}`) as {
          spec: { template: { spec: { containers: { image: string }[] } } };
        };
        return spec.template.spec.containers[0]!.image;
      };
      assert.equal(imageOf('gateway'), 'registry.example/smallchange:0.2.0');
      assert.equal(imageOf('merger'), 'registry.example/smallchange:0.3.0');
      assert.equal(imageOf('edge'), `haproxy@${digest}`);
    });

    it('gives pods what a cluster wants of them', () => {
      const toleration = { key: 'dedicated', operator: 'Exists' };
      const env = { name: 'NODE_EXTRA_CA_CERTS', value: '/ca.pem' };
      const manifests = changed({
        gateway: {
          tolerations: [toleration],
          nodeSelector: { pool: 'realtime' },
          extraEnv: [env],
          podLabels: { team: 'a' },
          podAnnotations: { 'sidecar.istio.io/inject': 'false' },
        },
        imagePullSecrets: [{ name: 'registry' }] as never,
      });
      const { template } = (
        find(manifests, 'Deployment/smallchange-gateway') as {
          spec: { template: { metadata: { labels: object }; spec: Values } };
        }
      ).spec;
      const { spec, metadata } = template as unknown as {
        spec: Record<string, unknown> & { containers: { env: unknown[] }[] };
        metadata: Record<'labels' | 'annotations', Record<string, string>>;
      };
      assert.deepEqual(spec.tolerations, [toleration]);
      assert.deepEqual(spec.nodeSelector, { pool: 'realtime' });
      assert.deepEqual(spec.imagePullSecrets, [{ name: 'registry' }]);
      assert.deepEqual(spec.containers[0]!.env.at(-1), env);
      assert.equal(metadata.labels.team, 'a');
      assert.equal(metadata.annotations['sidecar.istio.io/inject'], 'false');
      assert.deepEqual(problemsOf(manifests, { isWhole: true }), []);
    });

    it('runs no Redis, and no copy of it, where there is one elsewhere', () => {
      const manifests = changed({ redis: { enabled: false }, settings: { ...values.settings, REDIS_MODE: 'cluster' } });
      const ours = manifests.filter(({ metadata }) => /smallchange-(redis|backup)/.test(metadata.name)).map(titleOf);
      assert.deepEqual(ours, []);
      assert.deepEqual(problemsOf(manifests, { isWhole: true }), []);
    });

    it('tells of a backlog at half of what may wait, whatever that is', () => {
      const manifests = changed({
        archive: { enabled: true },
        settings: { ...values.settings, ARCHIVE_BACKLOG_MAX_BYTES: 4_194_304 },
      });
      const { spec } = find(manifests, 'PrometheusRule/smallchange-archive') as { spec: object };
      assert.match(JSON.stringify(spec), /smallchange_archive_backlog_bytes\) > 2097152"/);
      assert.deepEqual(problemsOf(manifests, { isWhole: true }), []);
    });

    it('refuses a value that there is not, and one of another form', () => {
      assert.throws(() => changed({ gatewy: {} }), /\.gatewy: is not a value there is/);
      assert.throws(() => changed({ gateway: { replicas: 0 } }), /\.gateway\.replicas: at least 1/);
      assert.throws(() => changed({ image: { digest: 'sha256:0' } }), /\.image\.digest: must match/);
      assert.throws(() => changed({ image: { pullPolicy: 'Sometimes' } }), /must be one of/);
    });

    it('writes large numbers as they were said', () => {
      const { data } = find(
        changed({ settings: { ...values.settings, HISTORY_MAX_EVENTS: 100_000, STATE_MAX_BYTES: 4_194_304 } }),
        'ConfigMap/smallchange-settings',
      ) as { data: Record<string, string> };
      assert.deepEqual([data.HISTORY_MAX_EVENTS, data.STATE_MAX_BYTES], ['100000', '4194304']);
    });
  });

  it('says what is yours to do', () => {
    const notes = (values: Values) => renderChart(values, { name: 'any', namespace: 'here' }).notes;
    assert.match(notes({}), /Pages of another origin are refused until/);
    assert.match(notes({}), /smallchange-redis is yours to make/);
    assert.match(notes({ tokens: { enabled: false } }), /Nobody is let in/);
    const production = notes(valuesOf('prod'));
    assert.match(production, /So is smallchange-tls/);
    assert.doesNotMatch(production, /refused|no copy|DATABASE_URL/);
    assert.match(
      notes(valuesOf('archive')),
      /REDIS_URL_ARCHIVER; and smallchange-archive is yours[\s\S]*then archive, then gateway/,
    );
    assert.doesNotMatch(notes(valuesOf('dev')), /yours to make|Nobody/);
  });
});
