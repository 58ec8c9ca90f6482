/** Mistakes in what processes are told: variables, and where they come from. Each is planted in an installation that is clean without it, and found. */
import { findsMistakes, type Plot } from '../kit.ts';

findsMistakes('environment', [
  [
    'a setting there is not',
    (p) => {
      p.get('ConfigMap', 'smallchange-settings').data.MAX_STREEMS = '1';
    },
    /MAX_STREEMS is not a setting/,
  ],
  [
    'a misspelt variable of Node.js',
    (p) => {
      p.get('ConfigMap', 'smallchange-settings').data.NODE_OPTION = '--max-http-header-size=1';
    },
    /NODE_OPTION is not a setting/,
  ],
  [
    'a value it does not take',
    (p) => {
      p.get('ConfigMap', 'smallchange-settings').data.SHARDS = '0';
    },
    /SHARDS must be/,
  ],
  [
    'one that is not supported',
    (p) => {
      p.container('smallchange-merger').env.push({ name: 'NO_SUCH_URL', value: 'x' });
    },
    /NO_SUCH_URL is not a setting/,
  ],
  [
    'nobody let in',
    (p) => {
      delete p.get('ConfigMap', 'smallchange-settings').data.AUTH;
    },
    /set AUTH=jwt, or AUTH=anonymous/,
  ],
  [
    'tokens that nobody could verify',
    (p) => {
      const { env } = p.container('smallchange-gateway');
      env.splice(
        env.findIndex(({ name }: { name: string }) => name === 'JWT_SECRET'),
        1,
      );
    },
    /smallchange-gateway: AUTH=jwt needs JWT_SECRET/,
  ],
  [
    'a role there is not',
    (p) => {
      p.container('smallchange-bucket').env[0].value = 'buckett';
    },
    /ROLES must be/,
  ],
]);

const secret = (key: string) => ({ valueFrom: { secretKeyRef: { name: 'smallchange-tokens', key } } });

const adminKeyOf = (p: Plot) =>
  p.container('smallchange-bucket').env.find(({ name }: { name: string }) => name === 'ADMIN_KEY');

findsMistakes('secrets', [
  [
    "another role's user of Redis",
    (p) => {
      p.container('smallchange-bucket').env[1].valueFrom.secretKeyRef.key = 'REDIS_URL_MERGER';
    },
    /smallchange-bucket: REDIS_URL is REDIS_URL_MERGER/,
  ],
  [
    'a merger that could make tokens',
    (p) => {
      p.container('smallchange-merger').env.push({ name: 'JWT_SECRET', ...secret('JWT_SECRET') });
    },
    /smallchange-merger: role merger has no use for JWT_SECRET/,
  ],
  [
    'all that is in a Secret',
    (p) => {
      p.container('smallchange-gateway').envFrom.push({ secretRef: { name: 'smallchange-tokens' } });
    },
    /smallchange-gateway: envFrom has all of a Secret/,
  ],
  [
    'a secret in the manifest',
    (p) => {
      p.container('smallchange-gateway').env.push({ name: 'JWT_SECRET', value: 'x'.repeat(32) });
    },
    /JWT_SECRET is in the manifest for all to read/,
  ],
  [
    'the key of operators in the manifest',
    (p) => {
      Object.assign(adminKeyOf(p), { value: 'x'.repeat(32), valueFrom: undefined });
    },
    /smallchange-bucket: ADMIN_KEY is in the manifest for all to read/,
  ],
  [
    'the key of operators where it is of no use',
    (p) => {
      p.container('smallchange-gateway').env.push(adminKeyOf(p));
    },
    /smallchange-gateway: ADMIN_KEY is for a bucket/,
  ],
  [
    'nobody who could revoke a token',
    (p) => {
      const { env } = p.container('smallchange-bucket');
      env.splice(env.indexOf(adminKeyOf(p)), 1);
    },
    /no pod has ADMIN_KEY/,
  ],
  [
    'a key of operators out of the Secret of those who issue tokens',
    (p) => {
      adminKeyOf(p).valueFrom.secretKeyRef.name = 'smallchange-tokens';
    },
    /Secret\/smallchange-tokens has no ADMIN_KEY/,
  ],
]);

findsMistakes('references', [
  [
    'a ConfigMap there is not',
    (p) => {
      p.remove('ConfigMap', 'smallchange-edge');
    },
    /there is no ConfigMap\/smallchange-edge/,
  ],
  [
    'a Secret nobody makes',
    (p) => {
      p.container('smallchange-bucket').env[1].valueFrom.secretKeyRef.name = 'redis';
    },
    /there is no Secret\/redis/,
  ],
  [
    'a key it does not have',
    (p) => {
      p.container('smallchange-bucket').env[1].valueFrom.secretKeyRef.key = 'URL';
    },
    /smallchange-redis has no URL/,
  ],
  [
    'a class of priority there is not',
    (p) => p.remove('PriorityClass', 'smallchange-store'),
    /StatefulSet\/smallchange-redis: there is no PriorityClass\/smallchange-store/,
  ],
  [
    'a volume there is not',
    (p) => {
      p.container('smallchange-edge').volumeMounts[0].name = 'config';
    },
    /no volume config/,
  ],
]);
