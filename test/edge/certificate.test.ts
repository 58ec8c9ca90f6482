/** A certificate that is renewed where an edge runs: its streams stay; and what cannot be used as one changes nothing. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createCertificate } from '../../proxy/certificate.ts';
import { edges, startEdge } from '../support/edge.ts';
import { waitFor } from '../support/wait.ts';
import { figuresOf } from './figures.ts';
import { renew, renewCertificate, shownAt } from './trials/certificate.ts';
import { startWitness } from './witness.ts';

const STREAMS_SHARE = 0.04;

describe('a renewed certificate', () => {
  for (const edge of edges) {
    it(`cuts no stream at ${edge}, and is shown`, async (t) => {
      const { figures, failures } = await renewCertificate({ edge, scale: STREAMS_SHARE }, { certificateEveryS: 1 });
      t.diagnostic(JSON.stringify(figures));
      assert.deepEqual(failures, []);
    });
  }

  it('that HAProxy cannot use leaves the one before it, and is told to who watches', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'smallchange-certificate-'));
    const witness = await startWitness();
    try {
      const inUse = createCertificate(dir);
      const servers = { buckets: [witness], gateways: [witness] };
      await using proxy = await startEdge('haproxy', { ...servers, certificate: inUse.bundle, certificateEveryS: 1 });
      const figure = async (name: string) => (await figuresOf(proxy)).get(name);
      const { fingerprint256, validTo } = new X509Certificate(readFileSync(inUse.own));
      await waitFor(async () => (await figure('smallchange_edge_certificate_expires_seconds')) !== 0, {
        what: 'the end of the certificate',
      });
      assert.equal(await figure('smallchange_edge_certificate_expires_seconds'), Date.parse(validTo) / 1000);
      assert.equal(await figure('smallchange_edge_certificate_refused'), 0);
      writeFileSync(inUse.bundle, readFileSync(inUse.own));
      await waitFor(async () => (await figure('smallchange_edge_certificate_refused')) === 1, {
        what: 'it to be told',
      });
      assert.equal(await shownAt(proxy.tlsUrl), fingerprint256);
      const renewed = renew(inUse);
      await waitFor(async () => (await figure('smallchange_edge_certificate_refused')) === 0, {
        what: 'the right one',
      });
      assert.equal(await shownAt(proxy.tlsUrl), renewed);
    } finally {
      witness.stop();
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
