/** Mistakes in who writes and reads the archive, and in who is let in there. Each is planted in an installation that is clean without it, and found. */
import { type Broken, findsMistakes, type Plot, partNamed } from '../kit.ts';

const part = partNamed('overlays/examples/archive');

const urlOf = (p: Plot, role: string) =>
  p.container(`smallchange-${role}`).env.find(({ name }: { name: string }) => name === 'DATABASE_URL');

function withoutUrl(p: Plot, role: string): void {
  const { env } = p.container(`smallchange-${role}`);
  env.splice(env.indexOf(urlOf(p, role)), 1);
}

/** Of whom a policy is. */
const rolesOf = (policy: Broken): string[] => policy.spec.podSelector.matchExpressions[0].values;

findsMistakes(
  'an archive',
  [
    ['gateways that do not read it', (p) => withoutUrl(p, 'gateway'), /smallchange-gateway: has no DATABASE_URL/],
    ['mergers that do not read it', (p) => withoutUrl(p, 'merger'), /smallchange-merger: has no DATABASE_URL/],
    [
      'nobody who archives',
      (p) => p.remove('Deployment', 'smallchange-archiver'),
      /smallchange-gateway: has DATABASE_URL, and nobody archives/,
    ],
    [
      'gateways that read another',
      (p) => {
        urlOf(p, 'gateway').valueFrom.secretKeyRef.name = 'smallchange-tokens';
      },
      /DATABASE_URL: what reads has another than what archives/,
    ],
    [
      'a backlog of which nobody is told',
      (p) => {
        p.get('PrometheusRule', 'smallchange-archive').spec.groups[0].rules.shift();
      },
      /Deployment\/smallchange-archiver: no alert before its backlog is full/,
    ],
    [
      'a backlog that is full before anybody is told',
      (p) => {
        p.get('ConfigMap', 'smallchange-settings').data.ARCHIVE_BACKLOG_MAX_BYTES = '16777216';
      },
      /SmallchangeArchiveBehind: 33554432 bytes are not below ARCHIVE_BACKLOG_MAX_BYTES, 16777216/,
    ],
  ],
  part,
);

findsMistakes(
  'environment, of an archiver',
  [
    [
      'no database',
      (p) => withoutUrl(p, 'archiver'),
      /smallchange-archiver: ROLES has `archiver`, which needs DATABASE_URL/,
    ],
    [
      'a word for a truth',
      (p) => {
        p.container('smallchange-archiver').env.at(-1).value = 'true';
      },
      /smallchange-archiver: ARCHIVE_MIGRATE must be/,
    ],
  ],
  part,
);

findsMistakes(
  'secrets, of an archive',
  [
    [
      "another role's user of Redis",
      (p) => {
        p.container('smallchange-archiver').env[1].valueFrom.secretKeyRef.key = 'REDIS_URL_MERGER';
      },
      /smallchange-archiver: REDIS_URL is REDIS_URL_MERGER, and not REDIS_URL_ARCHIVER/,
    ],
    [
      'an archiver that could make tokens',
      (p) => {
        const valueFrom = { secretKeyRef: { name: 'smallchange-tokens', key: 'JWT_SECRET' } };
        p.container('smallchange-archiver').env.push({ name: 'JWT_SECRET', valueFrom });
      },
      /smallchange-archiver: role archiver has no use for JWT_SECRET/,
    ],
    [
      'a bucket that could read all there ever was',
      (p) => {
        p.container('smallchange-bucket').env.push(urlOf(p, 'archiver'));
      },
      /smallchange-bucket: role bucket has no use for DATABASE_URL/,
    ],
    [
      'a password in the manifest',
      (p) => {
        Object.assign(urlOf(p, 'gateway'), { value: 'postgres://name:word@db/smallchange', valueFrom: undefined });
      },
      /smallchange-gateway: DATABASE_URL is in the manifest for all to read/,
    ],
    [
      'a key its Secret does not have',
      (p) => {
        urlOf(p, 'archiver').valueFrom.secretKeyRef.key = 'URL';
      },
      /smallchange-archiver: Secret\/smallchange-archive has no URL/,
    ],
  ],
  part,
);

findsMistakes(
  'network, of an archive',
  [
    [
      'archivers that Redis does not let in',
      (p) => {
        const [{ from }] = p.get('NetworkPolicy', 'smallchange-redis').spec.ingress;
        from[0].podSelector.matchExpressions[0].values.pop();
      },
      /StatefulSet\/smallchange-redis: archiver does not reach port 6379/,
    ],
    [
      'archivers that are not let out to Redis',
      (p) => rolesOf(p.get('NetworkPolicy', 'smallchange-to-redis')).pop(),
      /smallchange-archiver: is not let out to port 6379 of StatefulSet\/smallchange-redis/,
    ],
    [
      'nobody let out to Postgres',
      (p) => p.remove('NetworkPolicy', 'smallchange-to-postgres'),
      /smallchange-gateway: is not let out to port 5432 of Postgres/,
    ],
    [
      'a bucket let out to it',
      (p) => rolesOf(p.get('NetworkPolicy', 'smallchange-to-postgres')).push('bucket'),
      /smallchange-bucket: is let out to port 5432, and has no DATABASE_URL/,
    ],
    [
      'archivers that somebody reaches',
      (p) => rolesOf(p.get('NetworkPolicy', 'smallchange-serving')).push('archiver'),
      /smallchange-archiver: edge reaches port http/,
    ],
    [
      'archivers whose figures the monitoring does not reach',
      (p) => rolesOf(p.get('NetworkPolicy', 'smallchange-metrics')).pop(),
      /smallchange-archiver: the monitoring does not reach port admin/,
    ],
  ],
  part,
);
