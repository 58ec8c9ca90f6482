/** A certificate that only its own machine trusts, made with openssl, for trying TLS out. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { needProgram } from './programs.ts';

export interface Certificate {
  /** What clients are to trust. */
  readonly own: string;
  /** Certificate and key in one file, as both programs take them. */
  readonly bundle: string;
}

/** For `localhost` and 127.0.0.1, good for a month, in `dir`. @throws when openssl is missing or fails. */
export function createCertificate(dir: string): Certificate {
  needProgram('openssl');
  const own = join(dir, 'certificate.pem');
  const key = join(dir, 'key.pem');
  const bundle = join(dir, 'edge.pem');
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1';
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const words = ['req', '-x509', ...curve, '-days', '30', '-subj', '/CN=localhost', '-addext', names];
  const made = spawnSync('openssl', [...words, '-keyout', key, '-out', own], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`openssl made no certificate:\n${made.stderr}`);
  writeFileSync(bundle, readFileSync(own, 'utf8') + readFileSync(key, 'utf8'), { mode: 0o600 });
  return { own, bundle };
}
