/** Host and origin, judged from bytes and from what Node read: what the one admits, the other never refuses. */
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type ForgeryConfig, forgeryIn, forgeryRules } from '../../src/http/forgery.ts';
import { createAdmission } from '../../src/http/plain-forgery.ts';
import { readPlainRequest } from '../../src/http/plain-request.ts';

const loopback: ForgeryConfig = { loopbackOnly: true, publicHosts: ['rt.example'], corsOrigins: null };
const configs: readonly ForgeryConfig[] = [
  loopback,
  { ...loopback, corsOrigins: ['https://app.example'] },
  { ...loopback, corsOrigins: '*' },
  { ...loopback, loopbackOnly: false },
  { ...loopback, loopbackOnly: false, publicHosts: null },
];

function bytesOf(host: string, origin: string | undefined): Buffer {
  const fields = origin === undefined ? '' : `Origin: ${origin}\r\n`;
  return Buffer.from(`POST /c/a HTTP/1.1\r\nHost: ${host}\r\n${fields}Content-Length: 1\r\n\r\nx`, 'latin1');
}

/** Whether the shortcut answers it; undefined where it cannot even be read there. */
function admittedBy(config: ForgeryConfig): (host: string, origin?: string) => boolean | undefined {
  const admits = createAdmission(forgeryRules(config));
  return (host, origin) => {
    const chunk = bytesOf(host, origin);
    const request = readPlainRequest(chunk, 10);
    return request && admits(request, chunk);
  };
}

const host = fc.oneof(
  fc.constantFrom(
    'localhost',
    'LOCALHOST:80',
    '127.0.0.1:8080',
    '127.1.2.3',
    '[::1]:8080',
    'rt.example',
    'RT.example:443',
  ),
  fc.constantFrom('', 'evil.example', 'localhost.evil', '127.0.0.1.nip.io', 'localhost/', 'a@localhost', '[::1].evil'),
  fc.stringMatching(/^[a-zA-Z0-9.:@[\]/ ]{0,14}$/),
);
const origin = fc.oneof(
  fc.constantFrom('null', 'http://localhost:3000', 'https://app.example', 'http://evil.example', 'https://rt.example'),
  fc.stringMatching(/^https?:\/\/[a-zA-Z0-9.:@[\]/]{0,14}$/),
);

describe('a plain request', () => {
  it('is admitted only where the rules for all requests let it in, whatever was admitted before', () => {
    for (const config of configs) {
      const rules = forgeryRules(config);
      const isAdmitted = admittedBy(config);
      let admitted = 0;
      fc.assert(
        fc.property(host, origin, fc.boolean(), fc.boolean(), (name, other, isOwn, isWithout) => {
          const said = isWithout ? undefined : isOwn ? `http://${name}` : other;
          if (isAdmitted(name, said) !== true) return;
          admitted++;
          const headers = said === undefined ? { host: name.trim() } : { host: name.trim(), origin: said };
          const asNode = { method: 'POST', url: '/c/a', headers } as IncomingMessage;
          assert.equal(forgeryIn(rules, asNode), undefined, JSON.stringify([config, headers]));
        }),
        { numRuns: 2_000 },
      );
      assert.ok(admitted > 100, `only ${admitted} were admitted`);
    }
  });

  it('of the usual kinds is admitted, again and again, and those of strangers never are', () => {
    const isAdmitted = admittedBy(loopback);
    for (let i = 0; i < 3; i++) {
      for (let port = 1; port <= 20; port++) {
        assert.ok(isAdmitted(`localhost:${port}`));
        assert.ok(isAdmitted(`127.0.0.1:${port}`, `http://127.0.0.1:${port}`));
        assert.ok(isAdmitted('rt.example', 'https://rt.example'));
        assert.ok(isAdmitted(`localhost:${port}`, 'http://localhost:3000'));
        assert.equal(isAdmitted(`evil.example:${port}`), false);
        assert.equal(isAdmitted(`localhost:${port}`, `http://evil.example:${port}`), false);
        assert.equal(isAdmitted(`127.0.0.1:${port}`, 'null'), false);
      }
    }
  });
});
