/**
 * What a scanner of TLS looks for, at both edges: every cipher suite that OpenSSL knows is offered by itself, and only those with
 * forward secrecy and authenticated encryption are taken; versions, renegotiation and compression as RFC 9325 (BCP 195) has them.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ConnectionOptions, connect, getCiphers } from 'node:tls';
import { type Edge, type EdgeProcess, edges, startEdge } from '../support/edge.ts';
import { startWitness, type Witness } from './witness.ts';

/** Those of TLS 1.2 that may be: ephemeral keys, and AES-GCM or ChaCha20-Poly1305. */
const STRONG = /^ecdhe-(rsa|ecdsa)-(aes(128|256)-gcm-sha(256|384)|chacha20-poly1305)$/;
/** Groups that no browser needs, with less than 128 bits of security. */
const WEAK_GROUPS = ['secp192r1', 'prime192v1', 'secp224r1', 'sect163k1'];

/** With RSA, or the suites that sign with it, and those that encrypt to it, would be refused for the want of a key alone. */
function createRsaBundle(dir: string): string {
  const [own, key, bundle] = ['certificate.pem', 'key.pem', 'edge.pem'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  const words = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'];
  execFileSync('openssl', [...words, '-keyout', key, '-out', own], { stdio: 'ignore' });
  writeFileSync(bundle, readFileSync(own, 'utf8') + readFileSync(key, 'utf8'));
  return bundle;
}

function weakTlsTests(edge: Edge): void {
  let dir: string;
  let witness: Witness;
  let proxy: EdgeProcess;
  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'smallchange-rsa-'));
    witness = await startWitness();
    const servers = { buckets: [witness], gateways: [witness] };
    proxy = await startEdge(edge, { ...servers, certificate: createRsaBundle(dir) });
  });
  after(async () => {
    await proxy?.stop();
    witness?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  const isTaken = (options: ConnectionOptions) =>
    new Promise<boolean>((resolve) => {
      const port = Number(new URL(proxy.tlsUrl).port);
      const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options }, () => {
        resolve(true);
        socket.destroy();
      });
      socket.once('error', () => resolve(false));
    });
  /** SECLEVEL=0: or our own side would not even offer what must be refused. */
  const offering = (suite: string) =>
    ({ ciphers: `${suite.toUpperCase()}:@SECLEVEL=0`, minVersion: 'TLSv1', maxVersion: 'TLSv1.2' }) as const;

  it('of all cipher suites the strong ones are taken, and no other', async () => {
    const suites = getCiphers().filter((suite) => !suite.startsWith('tls_'));
    const taken: string[] = [];
    for (const suite of suites) if (await isTaken(offering(suite))) taken.push(suite);
    const strong = suites.filter((suite) => STRONG.test(suite) && suite.includes('-rsa-'));
    assert.ok(strong.length >= 3 && suites.length - strong.length >= 30, `${suites}`);
    assert.deepEqual(taken.sort(), strong.sort());
  });

  it('versions below TLS 1.2 and weak groups are refused', async () => {
    const weakest = { ciphers: 'ALL:@SECLEVEL=0' };
    for (const version of ['TLSv1', 'TLSv1.1'] as const) {
      assert.equal(await isTaken({ ...weakest, minVersion: version, maxVersion: version }), false, version);
    }
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      assert.equal(await isTaken({ minVersion: version, maxVersion: version }), true, version);
    }
    for (const ecdhCurve of WEAK_GROUPS) {
      assert.equal(await isTaken({ ...weakest, ecdhCurve }).catch(() => false), false, ecdhCurve);
    }
  });

  it('nothing is compressed, renegotiation is secure, and a client cannot ask for it', async () => {
    const { hostname, port } = new URL(proxy.tlsUrl);
    const child = spawn('openssl', ['s_client', '-connect', `${hostname}:${port}`, '-tls1_2', '-legacy_renegotiation']);
    let said = '';
    for (const output of [child.stdout, child.stderr]) {
      output.setEncoding('utf8').on('data', (text: string) => {
        // R alone on a line asks for another handshake.
        if (!said.includes('Verify return code') && (said + text).includes('Verify return code'))
          child.stdin.write('R\n');
        said += text;
      });
    }
    child.stdin.on('error', () => {});
    await new Promise((resolve) => child.once('close', resolve));
    assert.match(said, /Secure Renegotiation IS supported/);
    assert.match(said, /Compression: NONE/);
    assert.match(said, /RENEGOTIATING[\s\S]*(no renegotiation|closed|error|reset)/i);
  });
}

for (const edge of edges) describe(`TLS that is weak, at ${edge}`, () => weakTlsTests(edge));
