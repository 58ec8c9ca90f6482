/** HAProxy takes the configurations of the edge as they are mounted, and finds pods by the name of their Service. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { edgeFiles, luaFile } from '../../scripts/k8s-edge/edge-config.ts';
import { startServer } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';
import { startNameServer } from './name-server.ts';

const MOUNTED = '/etc/haproxy/tls/edge.pem';
const env = { ...process.env, NAMESPACE: 'here' };

/** As `smallchange-tls` is mounted: the key beside the certificate, under its name and `.key`. */
function makeCertificate(folder: string): string {
  const path = join(folder, 'edge.pem');
  const words = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost'.split(
    ' ',
  );
  const { status, stderr } = spawnSync('openssl', [...words, '-keyout', `${path}.key`, '-out', path]);
  assert.equal(status, 0, String(stderr));
  return path;
}

/** What a test must have otherwise: fewer connections than a machine's file limit, its own ports, its own name service. */
function placed(text: string, changes: readonly (readonly [RegExp, string])[]): string {
  return changes.reduce((changed, [from, to]) => {
    assert.match(changed, from);
    return changed.replaceAll(from, to);
  }, text);
}

describe('the edge of the manifests', () => {
  let folder: string;
  let config: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'smallchange-edge-'));
    config = join(folder, 'haproxy.cfg');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  for (const { file, withTls } of edgeFiles) {
    it(`${withTls ? 'with' : 'without'} TLS is a configuration HAProxy takes`, () => {
      const text = readFileSync(file, 'utf8').replaceAll(MOUNTED, makeCertificate(folder));
      writeFileSync(config, text.replace('/etc/haproxy/conf/certificate.lua', fileURLToPath(luaFile.file)));
      const { status, stdout, stderr } = spawnSync('haproxy', ['-c', '-f', config], { env, encoding: 'utf8' });
      assert.equal(status, 0, `${stdout}${stderr}`);
    });
  }

  it('reads its limits, who is in front of it and its origins from the environment', () => {
    writeFileSync(config, readFileSync(edgeFiles[0].file));
    const check = (more: Record<string, string>) =>
      spawnSync('haproxy', ['-c', '-f', config], { env: { ...env, ...more }, encoding: 'utf8' });
    for (const [name, right, wrong] of [
      ['EDGE_CONNECTIONS_PER_IP', '5', 'many'],
      ['EDGE_REQUESTS_PER_S', '5', 'many'],
      ['EDGE_BODY_BYTES', '5', 'many'],
      ['EDGE_TRUSTED_PROXIES', '10.0.0.0/8 fd00::/8', 'the balancer'],
    ] as const) {
      assert.equal(check({ [name]: right }).status, 0, `${name}=${right}: ${check({ [name]: right }).stderr}`);
      assert.equal(check({ [name]: wrong }).status, 1, `${name}=${wrong}`);
    }
    assert.equal(check({ EDGE_PROXY_PROTOCOL: 'on' }).status, 0, check({ EDGE_PROXY_PROTOCOL: 'on' }).stderr);
  });

  it('finds the pods of a Service by its name, and leads changes and streams to them', async () => {
    await using server = await startServer({ env: { DRAIN_MS: '0' } });
    await using names = await startNameServer(['127.0.0.1']);
    const socket = join(folder, 'edge.sock');
    const text = placed(readFileSync(edgeFiles[0].file, 'utf8'), [
      [/maxconn \d+/g, 'maxconn 100'],
      [/bind 0\.0\.0\.0:8080/g, `bind unix@${socket}`],
      [/bind 0\.0\.0\.0:8081/g, `bind unix@${socket}.health`],
      [/bind 0\.0\.0\.0:8082/g, `bind unix@${socket}.metrics`],
      [/cluster\.local:8080/g, `cluster.local:${server.port}`],
      [/parse-resolv-conf/g, `nameserver test 127.0.0.1:${names.port}`],
    ]);
    writeFileSync(config, text.replaceAll(' tcp-ut 30s', ''));
    const origins = { CORS_ORIGINS: 'https://a.example, https://b.example' };
    const edge = spawn('haproxy', ['-db', '-f', config], {
      env: { ...env, ...origins },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    try {
      let said = '';
      for (const stream of [edge.stdout, edge.stderr]) stream.on('data', (text: Buffer) => (said += text));
      const curl = (...words: string[]) =>
        spawnSync('curl', ['-s', '--unix-socket', socket, '-w', '%{http_code}', ...words], { encoding: 'utf8' }).stdout;
      await waitFor(() => curl('-d', 'x', 'http://localhost/c/pods') === '204', {
        timeoutMs: 15_000,
        everyMs: 200,
        what: () => `a POST to be answered 204:\n${said}`,
      });
      await waitFor(() => curl('http://localhost/c/pods/state').endsWith('200'), {
        timeoutMs: 15_000,
        everyMs: 200,
        what: () => `a gateway to be found:\n${said}`,
      });
      assert.match(curl('-m', '1', 'http://localhost/c/pods/events?since=earliest'), /\ndata: x\n/);
      const preflight = (origin: string) =>
        curl(
          '-i',
          '-X',
          'OPTIONS',
          '-H',
          `Origin: ${origin}`,
          '-H',
          'Access-Control-Request-Method: PUT',
          'http://localhost/c/a',
        );
      for (const origin of ['https://a.example', 'https://b.example']) {
        assert.match(preflight(origin), new RegExp(`\r\naccess-control-allow-origin: ${origin}\r\n`));
      }
      assert.doesNotMatch(preflight('https://c.example'), /access-control-allow-origin/);
      const health = spawnSync('curl', ['-s', '--unix-socket', `${socket}.health`, 'http://edge/healthz']);
      assert.equal(String(health.stdout), 'ok');
      const figures = spawnSync('curl', ['-s', '--unix-socket', `${socket}.metrics`, 'http://edge/metrics/edge']);
      assert.match(String(figures.stdout), /^smallchange_edge_servers\{role="gateway"\} 1$/m);
      const asked = ['gateway', 'bucket'].map((role) => `smallchange-${role}.here.svc.cluster.local`);
      for (const name of asked) assert.ok(names.asked.has(name), [...names.asked].join(', '));
    } finally {
      edge.kill('SIGKILL');
      await once(edge, 'close');
    }
  });
});
