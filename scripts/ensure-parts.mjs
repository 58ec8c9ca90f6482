/**
 * Makes sure that the programs the tests run are here, and installs them from Debian where they are not and may be.
 *
 * Installed services are not started: every test starts its own Redis, on its own port, and ends it.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Each program, and the package that brings it. */
const parts = {
  'redis-server': 'redis-server',
  curl: 'curl',
  // Of the clients by hand.
  python3: 'python3',
  // The two edges, and certificates for them.
  haproxy: 'haproxy',
  nginx: 'nginx',
  openssl: 'openssl',
  // The browser that they are tried with.
  chromium: 'chromium',
  // The fault tests: packet loss in a network namespace, jumping clocks, a slow disk.
  nft: 'nftables',
  ip: 'iproute2',
  faketime: 'faketime',
  cc: 'gcc',
  // The units: whether systemd finds them right, and which system calls a process makes.
  'systemd-analyze': 'systemd',
  strace: 'strace',
  // The files for Prometheus.
  promtool: 'prometheus',
  // The archive. Its programs are in no folder of the PATH.
  postgres: 'postgresql',
};

/** Where Debian has them, a folder for each version. */
const postgresVersions = '/usr/lib/postgresql';

function foldersOf(program) {
  const folders = (process.env.PATH ?? '').split(delimiter);
  if (program !== 'postgres' || !existsSync(postgresVersions)) return folders;
  return [...folders, ...readdirSync(postgresVersions).map((version) => join(postgresVersions, version, 'bin'))];
}

function isHere(program) {
  return foldersOf(program).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Asked by Debian's packages before they start a service; 101 forbids it. */
const policyFile = '/usr/sbin/policy-rc.d';

function withoutServices(action) {
  if (existsSync(policyFile)) return action();
  writeFileSync(policyFile, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return action();
  } finally {
    rmSync(policyFile, { force: true });
  }
}

function apt(...words) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const { status, stdout, stderr } = spawnSync('apt-get', words, { env, encoding: 'utf8', maxBuffer: 64 << 20 });
  if (status !== 0) console.error(`${stdout}${stderr}`);
  return status === 0;
}

function ensure() {
  const missing = Object.keys(parts).filter((program) => !isHere(program));
  if (missing.length === 0) return 0;
  const packages = missing.map((program) => parts[program]);
  const named = missing.join(' and ');
  if (process.getuid?.() !== 0 || !isHere('apt-get')) {
    console.error(
      `The tests need ${named}, and only root on Debian can install that here: apt-get install ${packages.join(' ')}`,
    );
    return 1;
  }
  console.log(`Installing ${packages.join(', ')} from Debian for the tests.`);
  const installed = withoutServices(
    () => apt('update') && apt('install', '-y', '--no-install-recommends', ...packages),
  );
  if (installed && missing.every(isHere)) return 0;
  console.error(`The tests need ${named}, and installing that did not succeed.`);
  return 1;
}

process.exitCode = ensure();
