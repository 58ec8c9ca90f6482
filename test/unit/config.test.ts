/** Configuration: everything wrong is said at once, nothing is guessed, and no password is repeated. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Machine } from '../../src/config/machine.ts';
import { type Config, type Environment, readConfig } from '../../src/config.ts';
import { pair } from '../support/tokens.ts';

const GIB = 1024 ** 3;
const machine: Machine = { descriptors: 20_000, memoryBytes: 24 * GIB };

function configOf(env: Environment, on: Machine = machine): Config {
  const outcome = readConfig(env, on);
  assert.ok(outcome.ok, outcome.ok ? '' : outcome.problems.join('\n'));
  return outcome.config;
}

function problemsOf(env: Environment, on: Machine = machine): readonly string[] {
  const outcome = readConfig(env, on);
  return outcome.ok ? [] : outcome.problems;
}

/** The one problem there is, as text. */
function problemOf(env: Environment): string {
  const problems = problemsOf(env);
  assert.equal(problems.length, 1, problems.join('\n'));
  return problems[0]!;
}

describe('defaults', () => {
  it('are what the contract says', () => {
    const config = configOf({});
    assert.equal(config.port, 8080);
    assert.equal(config.host, '127.0.0.1');
    assert.equal(config.loopbackOnly, true);
    assert.equal(config.adminPort, null);
    assert.deepEqual(config.roles, ['bucket', 'merger', 'gateway']);
    assert.equal(config.redisUrl, null);
    assert.deepEqual(config.reducers, [{ pattern: '*', reducer: 'log' }]);
    assert.equal(config.inboxMaxBytes, 64 * 1024 * 1024);
    assert.equal(config.stateMaxBytes, 1024 * 1024);
    assert.equal(config.corsOrigins, null);
  });

  it('convert seconds to milliseconds', () => {
    assert.equal(configOf({}).channelIdleMs, 86_400_000);
    assert.equal(configOf({ DEDUPE_TTL_S: '90' }).dedupeTtlMs, 90_000);
  });

  it('stand for what is set to nothing', () => {
    assert.equal(configOf({ PORT: '', REDIS_URL: '', ROLE: '' }).port, 8080);
  });

  it('cannot be changed afterwards', () => {
    const config = configOf({});
    assert.throws(() => Object.assign(config, { port: 1 }), TypeError);
    assert.throws(() => (config.roles as string[]).push('archiver'), TypeError);
  });
});

describe('MAX_STREAMS', () => {
  it('leaves the process descriptors of its own, whatever its clients do', () => {
    assert.equal(configOf({}).maxConnections, 20_000 - 256);
    const of = (descriptors: number) => configOf({}, { descriptors, memoryBytes: 24 * GIB });
    assert.equal(of(256).maxConnections, 192);
    assert.equal(of(Number.POSITIVE_INFINITY).maxConnections, 2_000_000);
    for (const descriptors of [64, 256, 1024, 2048, 20_000]) {
      const { maxConnections, maxStreams } = of(descriptors);
      assert.ok(maxStreams < maxConnections && maxConnections < descriptors, `${descriptors}`);
    }
  });

  it('follows the descriptors where they are scarce', () => {
    assert.equal(configOf({}).maxStreams, 20_000 - 1024);
    assert.equal(configOf({}, { descriptors: 1024, memoryBytes: 24 * GIB }).maxStreams, 512);
  });

  it('follows half of the memory where that is scarce', () => {
    assert.equal(configOf({}, { descriptors: 1_000_000, memoryBytes: GIB }).maxStreams, GIB / 2 / 16 / 1024);
    assert.equal(configOf({}, { descriptors: Number.POSITIVE_INFINITY, memoryBytes: GIB }).maxStreams, 32_768);
  });

  it('is refused above the descriptors', () => {
    assert.equal(configOf({ MAX_STREAMS: '20000', MAX_CONNECTIONS: '20000' }).maxStreams, 20_000);
    assert.match(problemOf({ MAX_STREAMS: '20001' }), /^MAX_STREAMS must be at most 20000/);
  });

  it('is refused above MAX_CONNECTIONS', () => {
    assert.equal(configOf({ MAX_STREAMS: '100', MAX_CONNECTIONS: '100' }).maxStreams, 100);
    assert.match(
      problemOf({ MAX_STREAMS: '101', MAX_CONNECTIONS: '100' }),
      /^MAX_STREAMS must be at most MAX_CONNECTIONS/,
    );
  });
});

describe('numbers', () => {
  it('are plain decimal digits within named bounds', () => {
    assert.equal(configOf({ PORT: '0' }).port, 0);
    for (const wrong of ['80x', '-1', '+1', '1e3', '0x50', '8_080', ' 80', '80.0', '080', '65536', '9'.repeat(30)]) {
      assert.match(problemOf({ PORT: wrong }), /^PORT must be a whole number from 0 to 65535, not "/, wrong);
    }
  });
});

describe('STATE_MAX_BYTES', () => {
  it('is at most what can be read and merged while others go on', () => {
    assert.equal(configOf({ STATE_MAX_BYTES: String(4 << 20) }).stateMaxBytes, 4 << 20);
    assert.match(problemOf({ STATE_MAX_BYTES: String((4 << 20) + 1) }), /^STATE_MAX_BYTES must be .* to 4194304, not /);
  });
});

describe('several problems', () => {
  it('are all told at once', () => {
    const problems = problemsOf({
      PORT: 'x',
      HOST: '0.0.0.0',
      SHARDS: '0',
      LOG_LEVEL: 'loud',
      REDIS_URI: 'redis://x',
    });
    assert.deepEqual(
      problems.map((problem) => problem.split(' ')[0]),
      ['PORT', 'SHARDS', 'LOG_LEVEL', 'HOST', 'REDIS_URI'],
    );
  });
});

describe('roles', () => {
  const REDIS_URL = 'redis://127.0.0.1';
  const DATABASE_URL = 'postgres://db.example/smallchange';

  it('are a comma list', () => {
    assert.deepEqual(configOf({ ROLES: 'gateway, bucket,gateway', REDIS_URL }).roles, ['bucket', 'gateway']);
    assert.match(problemOf({ ROLES: 'bucket,,', REDIS_URL }), /^ROLES must be `all`, or/);
    assert.match(problemOf({ ROLES: 'reader', REDIS_URL }), /^ROLES must be `all`, or/);
  });

  it('need Redis when they are not all', () => {
    assert.match(problemOf({ ROLES: 'gateway' }), /^ROLES must be `all` without REDIS_URL/);
    assert.equal(configOf({ ROLES: 'merger,bucket,gateway' }).roles.length, 3);
    assert.match(problemOf({ ROLES: 'archiver', REDIS_URL }), /needs DATABASE_URL$/);
    assert.deepEqual(configOf({ REDIS_URL }).roles, ['bucket', 'merger', 'gateway']);
    assert.deepEqual(configOf({ DATABASE_URL }).roles, ['bucket', 'merger', 'gateway', 'archiver']);
    assert.match(problemOf({ ROLES: 'merger,bucket,gateway', DATABASE_URL }), /^ROLES must be `all` without REDIS_URL/);
    assert.deepEqual(configOf({ ROLES: 'archiver', REDIS_URL, DATABASE_URL }).roles, ['archiver']);
  });
});

describe('HOST', () => {
  it('beyond loopback needs AUTH to be said', () => {
    for (const HOST of ['0.0.0.0', '::', '192.0.2.7', 'app.example', '128.0.0.1']) {
      assert.match(problemOf({ HOST }), /AUTH=anonymous/, HOST);
      assert.equal(configOf({ HOST, AUTH: 'anonymous' }).loopbackOnly, false);
    }
    for (const HOST of ['localhost', '127.0.0.2', '::1']) assert.equal(configOf({ HOST }).loopbackOnly, true, HOST);
  });

  it('tokens need a key to be verified with, and no more than can be told apart', () => {
    const auth = { AUTH: 'jwt', JWT_SECRET: 'x'.repeat(32) };
    assert.equal(configOf(auth).auth, 'jwt');
    const backend = { AUTH: 'jwt', AUTH_URL: 'https://app.example/who' };
    assert.deepEqual(configOf({ ...backend, AUTH_FORWARD: 'Cookie, X-Login' }).authForward, ['cookie', 'x-login']);
    for (const name of ['authorization', 'Host', 'content-length', 'a b', 'x,,y']) {
      assert.match(problemOf({ ...backend, AUTH_FORWARD: name }), /^AUTH_FORWARD must be a comma list/);
    }
    assert.match(problemOf({ AUTH: 'jwt', AUTH_URL: 'http://app.example/who' }), /^AUTH_URL must be a URL/);
    assert.match(problemOf({ AUTH_URL: backend.AUTH_URL }), /^AUTH_URL is set and AUTH is not/);
    assert.equal(configOf({ ...auth, HOST: '0.0.0.0' }).loopbackOnly, false);
    assert.match(problemOf({ AUTH: 'jwt' }), /JWT_SECRET, JWT_PUBLIC_KEY, JWKS_URL or AUTH_URL/);
    assert.match(problemOf({ AUTH: 'jwt', JWT_SECRET: '' }), /JWT_SECRET, JWT_PUBLIC_KEY, JWKS_URL or AUTH_URL/);
    const apart = { AUTH: 'jwt', REDIS_URL: 'redis://redis' };
    assert.equal(configOf({ ...apart, ROLES: 'merger' }).auth, 'jwt', 'it has no door');
    assert.match(problemOf({ ...apart, ROLES: 'merger,bucket' }), /JWT_SECRET, JWT_PUBLIC_KEY, JWKS_URL or AUTH_URL/);
    for (const AUTH of ['anonymous', '']) {
      for (const name of ['JWT_SECRET', 'AUTH_ANONYMOUS', 'JWT_ISSUER', 'GRANT_CLAIM']) {
        const value = name === 'AUTH_ANONYMOUS' ? '{}' : 'x'.repeat(32);
        assert.match(problemOf({ AUTH, [name]: value }), new RegExp(`${name} is set and AUTH is not`));
      }
    }
    const JWKS_URL = 'https://idp.example/keys';
    assert.match(problemOf({ AUTH: 'jwt', JWKS_URL }), /JWKS_URL needs JWT_AUDIENCE/);
    assert.equal(configOf({ AUTH: 'jwt', JWKS_URL, JWT_AUDIENCE: 'x' }).jwksUrl, JWKS_URL);
    const { pem } = pair('ES256');
    assert.match(problemOf({ AUTH: 'jwt', JWKS_URL, JWT_AUDIENCE: 'x', JWT_PUBLIC_KEY: pem }), /must not both be set/);
  });

  it('a secret is long, and is no key; what is wrong with one is said without it', () => {
    for (const [secret, what] of [
      ['x'.repeat(31), /32 bytes or more/],
      [` ${'x'.repeat(32)}`, /white space/],
      [`${'x'.repeat(32)}\n`, /white space/],
      [pair('RS256').pem.trim(), /a public key goes into JWT_PUBLIC_KEY/],
      [JSON.stringify(pair('RS256').jwk()), /a public key goes into JWT_PUBLIC_KEY/],
    ] as const) {
      const [problem, ...others] = problemsOf({ AUTH: 'jwt', JWT_SECRET: secret });
      assert.deepEqual(others, []);
      assert.match(problem!, what);
      assert.ok(!problem!.includes(secret.trim().slice(0, 20)));
    }
  });

  it('a public key may have white space around it, and is of a kind there is', () => {
    const { pem } = pair('EdDSA');
    for (const text of [
      pem,
      `\n ${pem}\n`,
      `\uFEFF${pem}`,
      pem.trim().replaceAll('\n', '\\n'),
      pem.replaceAll('\n', '\r\n'),
    ]) {
      assert.ok(configOf({ AUTH: 'jwt', JWT_PUBLIC_KEY: text }).jwtPublicKey);
    }
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const curve = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    for (const key of [weak.publicKey, curve.publicKey]) {
      const text = key.export({ type: 'spki', format: 'pem' }) as string;
      assert.match(problemOf({ AUTH: 'jwt', JWT_PUBLIC_KEY: text }), /^JWT_PUBLIC_KEY must be a public key in PEM/);
    }
    const secret = curve.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    for (const text of [secret, 'x'.repeat(60), `${pem}${pem}`, pem.slice(0, 60)]) {
      const problem = problemOf({ AUTH: 'jwt', JWT_PUBLIC_KEY: text });
      assert.ok(!problem.includes(text.slice(30, 60)), problem);
    }
  });

  it('keys are asked for where nobody is in between', () => {
    const of = (JWKS_URL: string) => problemsOf({ AUTH: 'jwt', JWT_AUDIENCE: 'x', JWKS_URL });
    for (const url of ['https://idp.example/keys', 'http://127.0.0.1:1/k', 'http://localhost/k', 'http://[::1]:8/k']) {
      assert.deepEqual(of(url), [], url);
    }
    for (const url of [
      'http://idp.example/keys',
      'ftp://x',
      'file:///etc/passwd',
      'idp.example',
      'https://a:hunter2@b/k',
      'http://127.0.0.1.nip.io/k',
    ]) {
      assert.equal(of(url).length, 1, url);
      assert.doesNotMatch(of(url).join(), /hunter2/);
    }
  });

  it('what is public is a grant to the letter, or the process does not start', () => {
    const of = (AUTH_ANONYMOUS: string) => problemsOf({ AUTH: 'jwt', JWT_SECRET: 'x'.repeat(32), AUTH_ANONYMOUS });
    for (const text of ['{}', '{"subscribe":["public.*"]}', '{"publish":["*"],"names":["guest"]}'])
      assert.deepEqual(of(text), []);
    for (const text of [
      'x',
      '[]',
      'null',
      '{',
      '{"subscribe":"*"}',
      '{"subscribe":["public*"]}',
      '{"publish":[7]}',
      '{"name":"a.b"}',
    ]) {
      assert.match(of(text).join(), /^AUTH_ANONYMOUS must be JSON such as/, text);
    }
  });

  it('is one address or name', () => {
    for (const HOST of ['[::1]', '127.0.0.1:80', 'a b', '-x']) assert.match(problemOf({ HOST }), /^HOST must be/, HOST);
  });
});

describe('REDIS_URL', () => {
  it('takes the usual forms', () => {
    for (const url of ['redis://h', 'rediss://h:6380/3', 'redis://:p%40@[::1]:1', 'redis://u:p@h.example:6379/']) {
      assert.equal(configOf({ REDIS_URL: url }).redisUrl, url);
    }
  });

  it('never shows up in a message', () => {
    const wrong = ['redis//:hunter2@h', 'http://:hunter2@h', 'redis://:hunter2@h:x', 'redis://u:hunter2@/0', 'hunter2'];
    wrong.push('redis://:hunter2@a,redis://:hunter2@b', 'redis://:hunter2%zz@h', 'redis://:hunter2@h/0?a=b');
    for (const url of wrong) {
      const problem = problemOf({ REDIS_URL: url });
      assert.match(problem, /^REDIS_URL /);
      assert.doesNotMatch(problem, /hunter2/);
    }
  });
});

describe('REDIS_MODE', () => {
  const several = 'redis://:p,w@a:7000, redis://b:7001,rediss://c';

  it('decides whether there may be several URLs', () => {
    for (const REDIS_MODE of ['cluster', 'sentinel']) {
      assert.equal(configOf({ REDIS_URL: several, REDIS_MODE }).redisUrl, several);
      assert.equal(configOf({ REDIS_URL: 'redis://a', REDIS_MODE }).redisMode, REDIS_MODE);
    }
    assert.match(problemOf({ REDIS_URL: several }), /^REDIS_URL has several URLs/);
    assert.equal(configOf({ REDIS_URL: 'redis://:p,w@a' }).redisMode, 'standalone');
    assert.match(problemOf({ REDIS_URL: `${several},redis://`, REDIS_MODE: 'cluster' }), /^REDIS_URL must be/);
    assert.match(problemOf({ REDIS_URL: several, REDIS_MODE: 'clustered' }), /^REDIS_MODE must be one of/);
  });

  it('and REDIS_WAIT_REPLICAS mean nothing without REDIS_URL', () => {
    assert.match(problemOf({ REDIS_MODE: 'cluster' }), /^REDIS_MODE is set and REDIS_URL is not/);
    assert.match(problemOf({ REDIS_WAIT_REPLICAS: '1' }), /^REDIS_WAIT_REPLICAS is set and REDIS_URL is not/);
    assert.equal(configOf({ REDIS_URL: 'redis://a', REDIS_WAIT_REPLICAS: '5' }).redisWaitReplicas, 5);
    assert.match(problemOf({ REDIS_URL: 'redis://a', REDIS_WAIT_REPLICAS: '6' }), /^REDIS_WAIT_REPLICAS must be/);
  });
});

describe('REDUCERS', () => {
  it('is a list of patterns, first match first', () => {
    const { reducers } = configOf({ REDUCERS: 'poll-*=tally, lobby=latest,*=log' });
    assert.deepEqual(reducers, [
      { pattern: 'poll-*', reducer: 'tally' },
      { pattern: 'lobby', reducer: 'latest' },
      { pattern: '*', reducer: 'log' },
    ]);
  });

  it('refuses what is no rule, or would never be reached', () => {
    for (const wrong of ['log', '*=sum', '=log', 'a/b=log', 'a=log=log', 'a=log,,b=log']) {
      assert.match(problemOf({ REDUCERS: wrong }), /^REDUCERS must be a comma list/, wrong);
    }
    assert.match(problemOf({ REDUCERS: '*=log,a=tally' }), /never reaches "a=tally"/);
    assert.match(problemOf({ REDUCERS: 'a=log,a=tally' }), /never reaches "a=tally"/);
  });
});

describe('CORS_ORIGINS', () => {
  it('is * or exact origins', () => {
    assert.equal(configOf({ CORS_ORIGINS: '*' }).corsOrigins, '*');
    assert.deepEqual(configOf({ CORS_ORIGINS: 'https://a.example, http://b.example:81' }).corsOrigins, [
      'https://a.example',
      'http://b.example:81',
    ]);
    for (const wrong of [
      'https://a.example/',
      'a.example',
      'https://A.example',
      'https://a.example:443',
      'null',
      '*,*',
    ]) {
      assert.match(problemOf({ CORS_ORIGINS: wrong }), /^CORS_ORIGINS must be/, wrong);
    }
  });
});

describe('PUBLIC_HOSTS', () => {
  it('is names, compared in lower case, without ports', () => {
    assert.equal(configOf({}).publicHosts, null);
    assert.equal(configOf({ PUBLIC_HOSTS: '' }).publicHosts, null);
    assert.deepEqual(configOf({ PUBLIC_HOSTS: 'rt.example, RT2.Example' }).publicHosts, ['rt.example', 'rt2.example']);
    for (const wrong of [
      '*',
      'rt.example:443',
      'https://rt.example',
      '.example',
      'rt.example,',
      '[::1]',
      '*.example',
    ]) {
      assert.match(problemOf({ PUBLIC_HOSTS: wrong }), /^PUBLIC_HOSTS must be a comma list of host names/, wrong);
    }
  });
});

describe('MAX_CHANGE_BYTES', () => {
  it('is 256 KiB at most, as what weighs an inbox takes for granted', () => {
    assert.equal(configOf({ MAX_CHANGE_BYTES: '262144' }).maxChangeBytes, 262_144);
    assert.match(problemOf({ MAX_CHANGE_BYTES: '262145' }), /^MAX_CHANGE_BYTES must be .*262144/);
  });
});

describe('settings that contradict each other', () => {
  it('are told', () => {
    assert.match(
      problemOf({ DATA_DIR: './data', REDIS_URL: 'redis://x' }),
      /^DATA_DIR and REDIS_URL must not both be set/,
    );
    assert.match(problemOf({ DATA_DIR: './data', WORKERS: '2' }), /^WORKERS must be 1 without REDIS_URL/);
    assert.match(problemOf({ PORT: '9000', ADMIN_PORT: '9000' }), /ADMIN_PORT must differ/);
    assert.equal(configOf({ PORT: '0', ADMIN_PORT: '0' }).adminPort, 0);
    assert.match(problemOf({ INBOX_MAX_BYTES: '1024', MAX_CHANGE_BYTES: '2048' }), /INBOX_MAX_BYTES must be at least/);
  });
});

describe('names', () => {
  it('that nearly are ours are a problem', () => {
    const slips = {
      REDIS_URI: 'REDIS_URL',
      SHARD: 'SHARDS',
      ROLE: 'ROLES',
      HEARTBEAT_S: 'HEARTBEAT_MS',
      MAXSTREAMS: 'MAX_STREAMS',
    };
    for (const [slip, meant] of Object.entries({
      ...slips,
      log_level: 'LOG_LEVEL',
      MAX_CHANGE_BYTE: 'MAX_CHANGE_BYTES',
    })) {
      assert.equal(problemOf({ [slip]: 'x' }), `${slip} is not a setting; did you mean ${meant}?`);
    }
  });

  it("that are a stranger's are not", () => {
    const strangers = [
      'HOSTNAME',
      'KUBERNETES_PORT',
      'REDIS_PORT',
      'REDIS_HOST',
      'PATH',
      'PORTS',
      'HOSTS',
      'NODE_ENV',
      'HOME',
    ];
    strangers.push('REDIS_PORT_6379_TCP', 'POST', 'AUTHOR', 'DATABASE', 'LOGNAME', 'ROUTES', 'SHELL', 'USER', '');
    for (const name of strangers) assert.deepEqual(problemsOf({ [name]: 'x' }), [], name);
  });
});

describe('any environment', () => {
  it('has an outcome, and never throws', () => {
    const names = [
      'PORT',
      'HOST',
      'ROLES',
      'REDIS_URL',
      'REDUCERS',
      'CORS_ORIGINS',
      'AUTH',
      'SHARDS',
      'REDIS_PREFIX',
      'X',
    ];
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), fc.string({ unit: 'binary' })), (env) => {
        const outcome = readConfig(env, machine);
        if (!outcome.ok) assert.ok(outcome.problems.length > 0);
      }),
    );
  });
});
