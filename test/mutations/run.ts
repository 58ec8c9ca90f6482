/**
 * `npm run mutations`: every guard switched off once, and a test turns red.
 *
 * `--green`: each file that has to see one is also run without any. That it is green then, `npm test` shows; this shows that
 * it is so in the copy.
 * `--name a,b`: those. `--minutes 8`: ends after so many, and goes on there the next time: what has been tried of these
 * sources is kept. `--record` writes the page of results when all are done.
 */
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { keepResult } from '../faults/results.ts';
import { projectRoot } from '../support/program.ts';
import { type Mutation, mutations } from './mutations.ts';
import { Copy, faultOf, patches } from './trial.ts';

interface Tried {
  readonly name: string;
  readonly key: string;
  readonly seconds: number;
  /** Absent when it was as it should be. */
  readonly fault?: string;
}

interface Trial {
  readonly name: string;
  readonly key: string;
  run(copy: Copy): { readonly fault: string | undefined; readonly output: string };
}

const kept = join(projectRoot, 'node_modules/.cache/mutations.jsonl');
const { values } = parseArgs({
  options: {
    name: { type: 'string' },
    minutes: { type: 'string' },
    record: { type: 'boolean', default: false },
    green: { type: 'boolean', default: false },
  },
});
const names = values.name?.split(',');
const untilMs =
  performance.now() + (values.minutes === undefined ? Number.POSITIVE_INFINITY : Number(values.minutes) * 60_000);

const unknown = names?.filter((name) => !mutations.some(({ patch }) => patch === name)) ?? [];
if (unknown.length > 0) throw new Error(`no such mutation: ${unknown.join(', ')}`);
if (Number.isNaN(untilMs)) throw new Error(`--minutes ${values.minutes} is no number`);
const trials = trialsOf(mutations.filter(({ patch }) => names?.includes(patch) ?? true));
const done = new Map(triedBefore().map((tried) => [tried.key, tried]));
await tryAll(trials.filter(({ key }) => !done.has(key)));
const results = trials.flatMap(({ key }) => done.get(key) ?? []);
const failures = results.flatMap(({ name, fault }) => (fault === undefined ? [] : `${name}: ${fault}`));
console.log(`${results.length} of ${trials.length} tried, ${failures.length} not as they should be`);
for (const failure of failures) console.log(`  ${failure}`);
if (failures.length > 0) process.exitCode = 1;
if (values.record && results.length === trials.length) record();

async function tryAll(left: readonly Trial[]): Promise<void> {
  if (left.length === 0) return;
  using copy = new Copy();
  for (const { name, key, run } of left) {
    if (performance.now() > untilMs) return;
    const began = performance.now();
    const { fault, output } = run(copy);
    const seconds = Math.round((performance.now() - began) / 1_000);
    const tried: Tried = { name, key, seconds, ...(fault !== undefined && { fault }) };
    console.log(
      `${fault === undefined ? 'ok' : 'NOT OK'} ${name}, ${seconds} s${fault === undefined ? '' : `: ${fault}\n${output}`}`,
    );
    done.set(key, tried);
    // A fault is tried again the next time.
    if (fault === undefined) keep(tried);
  }
}

function keep(tried: Tried): void {
  mkdirSync(join(kept, '..'), { recursive: true });
  appendFileSync(kept, `${JSON.stringify(tried)}\n`);
}

function triedBefore(): Tried[] {
  if (!existsSync(kept)) return [];
  const lines = readFileSync(kept, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Tried);
}

function trialsOf(all: readonly Mutation[]): Trial[] {
  const sources = stateOf(['src', 'proxy', 'k8s']);
  const keyOf = (...parts: readonly (string | undefined)[]) =>
    createHash('sha256').update(sources).update(JSON.stringify(parts)).digest('hex').slice(0, 32);
  const red = all.map((mutation): Trial => {
    const { patch, file, tests } = mutation;
    return {
      name: `${patch} turns ${file} red`,
      key: keyOf(readFileSync(join(patches, `${patch}.patch`), 'utf8'), file, tests),
      run(copy) {
        const outcome = copy.without(mutation);
        return { fault: faultOf(mutation, outcome), output: outcome.output };
      },
    };
  });
  const green = (values.green ? [...testsOf(all)] : []).map(
    ([file, tests]): Trial => ({
      name: `${file} is green without any`,
      key: keyOf(file, tests),
      run(copy) {
        const { passed, failed, output } = copy.run({ file, tests });
        return { fault: passed > 0 && failed === 0 ? undefined : `${passed} passed, ${failed} failed`, output };
      },
    }),
  );
  return [...red, ...green];
}

/** What each file has to see, in one run. */
function testsOf(all: readonly Mutation[]): Map<string, string | undefined> {
  const found = new Map<string, string | undefined>();
  for (const { file, tests } of all) {
    const others = found.get(file);
    const isWhole = tests === undefined || (found.has(file) && others === undefined);
    found.set(file, isWhole ? undefined : [others, tests].filter(Boolean).join('|'));
  }
  return found;
}

function stateOf(folders: readonly string[]): string {
  const hash = createHash('sha256');
  for (const folder of folders) {
    const found = readdirSync(join(projectRoot, folder), { recursive: true, withFileTypes: true });
    const paths = found
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
    for (const path of paths.sort()) hash.update(path.slice(projectRoot.length)).update(readFileSync(path));
  }
  return hash.digest('hex');
}

function record(): void {
  const title = `${results.length} trials: each guard switched off once, and a test turns red`;
  const rows = results.map(({ name, fault }) => ({ trial: name, outcome: fault ?? 'as it should be' }));
  console.log(keepResult({ name: 'mutations', title, command: 'npm run mutations -- --record', rows, failures }));
}
