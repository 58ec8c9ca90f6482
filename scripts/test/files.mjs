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
  'test/light.ts',
  'test/faults/mutations.test.ts',
  'test/edge/contract-haproxy.test.ts',
  'test/edge/contract-nginx.test.ts',
  'test/edge/vanished.test.ts',
  'test/edge/unauthenticated.test.ts',
  'test/clients/clients.test.ts',
];
/**
 * In a process together, by the file that runs them: what takes most of its time, by itself, to start a process and to load the
 * same modules. None of them starts anything.
 */
export const TOGETHER = {
  'test/unit.ts': ['test/unit/'],
  'test/light.ts': [
    'test/client/unit/',
    'test/client/case-table.test.ts',
    'test/clients/doc.test.ts',
    'test/edge/watch.test.ts',
    'test/engine/memory.test.ts',
    'test/engine/whole-command.test.ts',
    'test/faults/checker.test.ts',
    'test/faults/interleavings.test.ts',
    'test/faults/merge-once.test.ts',
    'test/image/compose.test.ts',
    'test/image/dockerfile.test.ts',
    'test/k8s/rules.test.ts',
    'test/loadtest/parts.test.ts',
    'test/release/versions.test.ts',
    'test/weight/counting.test.ts',
    'test/web/parts.test.ts',
  ],
};
/** They have tests of their own, which another runs: test/package. */
const CONSUMERS = 'test/package/consumers/';
/** They measure standstills, or their attackers have only the time that nobody else wants. */
const DELICATE =
  /^test\/(weight|storms|security)\/|^test\/edge\/(attacks|cors|killed-gateway|rates|resets|retries|slow-senders|streams|vanished)\.|^test\/engine\/redis-busy\.|^test\/web\/files\./;
/** Two cores are busy with three: most files wait half of their time, for a heartbeat, a lease or a process that starts. */
const STURDY_AT_ONCE = 3;
const DELICATE_AT_ONCE = 2;

export function waves() {
  const found = readdirSync('test', { recursive: true })
    .map((path) => join('test', path).replaceAll(sep, '/'))
    .filter(
      (path) =>
        path.endsWith('.test.ts') &&
        ![...Object.values(TOGETHER).flat(), CONSUMERS].some((folder) => path.startsWith(folder)),
    )
    .sort();
  return wavesOf([...new Set([...LONGEST, ...found])]);
}

export function wavesOf(files) {
  return [
    { files: files.filter((path) => !DELICATE.test(path)), concurrency: STURDY_AT_ONCE },
    { files: files.filter((path) => DELICATE.test(path)), concurrency: DELICATE_AT_ONCE },
  ].filter(({ files }) => files.length > 0);
}
