/**
 * Every variable our processes are given is a setting of the schema with a value it takes, or one of Node.js', and together they are a
 * configuration a process would start with.
 */

import { settings } from '../../../src/config/schema.ts';
import { readConfig } from '../../../src/config.ts';
import { environmentOf, SECRET, type Value } from '../environment.ts';
import type { Manifest } from '../manifests.ts';
import type { Container, Pod } from '../pods.ts';
import type { Rule } from '../rule.ts';

/** Of Node.js and the libraries below it, not ours. */
const ofOthers = ['NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS', 'UV_THREADPOOL_SIZE', 'TZ', 'SSL_CERT_FILE', 'SSL_CERT_DIR'];

const known = new Set([...Object.values(settings).map(({ name }) => name), ...ofOthers]);

/** What stands for a value only its owner knows, where the form of the setting asks for one. */
const standIns: Readonly<Record<string, string>> = {
  REDIS_URL: 'redis://name:word@smallchange-redis:6379',
  DATABASE_URL: 'postgres://name:word@database/smallchange',
  JWT_SECRET: 'x'.repeat(32),
  ADMIN_KEY: 'x'.repeat(32),
};

/** A container's, whatever the machine: file limits are the node's. */
const container = { descriptors: Number.POSITIVE_INFINITY, memoryBytes: 2 ** 29 };

export const environment: Rule = ({ manifests, pods, isWhole }) =>
  ourContainers(pods).flatMap(([pod, each]) => {
    const env = environmentOf(each, manifests);
    const strange = [...env.keys()].filter((name) => !known.has(name)).map((name) => `${name} is not a setting`);
    const problems = isWhole ? [...strange, ...unusable(env)] : strange;
    return problems.map((problem) => `${pod.title}: ${problem}`);
  });

/** Those that run smallchange: they are told their roles. */
export function ourContainers(pods: readonly Pod[]): [Pod, Container][] {
  return pods.flatMap((pod) =>
    pod.spec.containers
      .filter(({ env, image }) => /(^|\/)smallchange[:@]/.test(image) || env?.some(({ name }) => name === 'ROLES'))
      .map((each): [Pod, Container] => [pod, each]),
  );
}

/** The configuration of a process, or why there is none. */
export function configOf(each: Container, manifests: readonly Manifest[]) {
  return readConfig(filled(environmentOf(each, manifests)), container);
}

function unusable(env: ReadonlyMap<string, Value>): readonly string[] {
  const outcome = readConfig(filled(env), container);
  return outcome.ok ? [] : outcome.problems;
}

function filled(env: ReadonlyMap<string, Value>): Record<string, string> {
  return Object.fromEntries(
    Array.from(env, ([name, value]) => [name, value === SECRET ? (standIns[name] ?? 'secret') : value]),
  );
}
