/**
 * The files of `npm test` in two waves: first those that only wait for conditions, then those that are late when others take their
 * time. In each, what takes longest is first: what is begun last ends alone, and then a core has nothing to do.
 * (`node --test` itself begins files in the order of their names.)
 */
import { readdirSync } from 'node:fs';
import { join, sep } from 'node:path';

/** Half a minute and more, by measurement; the order of the others does not matter. */
const LONGEST = [
  'test/faults/chaos.test.ts',
  'test/weight/weight.test.ts',
  'test/unit.ts',
  'test/faults/mutations.test.ts',
  'test/edge/contract-haproxy.test.ts',
  'test/edge/contract-nginx.test.ts',
  'test/edge/vanished.test.ts',
  'test/edge/unauthenticated.test.ts',
  'test/clients/clients.test.ts',
];
/** In a process together: test/unit.ts. */
const TOGETHER = ['test/unit/', 'test/client/unit/'];
/** They have tests of their own, which another runs: test/package. */
const CONSUMERS = 'test/package/consumers/';
/** They measure standstills, or their attackers have only the time that nobody else wants. */
const DELICATE =
  /^test\/(weight|storms|security)\/|^test\/edge\/(attacks|cors|killed-gateway|rates|resets|retries|slow-senders|streams|vanished)\.|^test\/engine\/redis-busy\./;
/** Two cores are busy with three: most files wait half of their time, for a heartbeat, a lease or a process that starts. */
const STURDY_AT_ONCE = 3;
const DELICATE_AT_ONCE = 2;

export function waves() {
  const found = readdirSync('test', { recursive: true })
    .map((path) => join('test', path).replaceAll(sep, '/'))
    .filter((path) => path.endsWith('.test.ts') && ![...TOGETHER, CONSUMERS].some((folder) => path.startsWith(folder)))
    .sort();
  return wavesOf([...new Set([...LONGEST, ...found])]);
}

export function wavesOf(files) {
  return [
    { files: files.filter((path) => !DELICATE.test(path)), concurrency: STURDY_AT_ONCE },
    { files: files.filter((path) => DELICATE.test(path)), concurrency: DELICATE_AT_ONCE },
  ].filter(({ files }) => files.length > 0);
}
