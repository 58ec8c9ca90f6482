/**
 * What a run of the tests prints: each failure when it is found, in the end all of them once more, and last the summary. Of a
 * long output it is the end that is kept and read. When all is well there is the summary and nothing else.
 *
 * A reporter of `node --test` (Node's documentation, "Custom reporters"); plain JavaScript, because it is loaded before
 * anything that could compile it.
 */
import { relative } from 'node:path';
import { inspect } from 'node:util';

/** What is said of a suite when something in it failed; what failed says it better. */
const BECAUSE_OF_OTHERS = 'subtestsFailed';
/** The lines of Node's own summary. Others at the top, such as the seed of a property, are told with what failed. */
const ofSummary = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) (.+)/;

export default async function* report(events) {
  const failures = [];
  /** Where several runs follow each other, what each counted is added up. */
  const summary = new Map();
  const notes = [];
  for await (const { type, data } of events) {
    switch (type) {
      case 'test:fail': {
        if (isExpected(data)) break;
        const failure = textOf(data);
        failures.push(failure);
        yield failure;
        break;
      }
      case 'test:stdout':
      case 'test:stderr':
        yield data.message;
        break;
      case 'test:diagnostic': {
        if (data.nesting !== 0) break;
        const [, name, count] = ofSummary.exec(data.message) ?? [];
        if (name === undefined) notes.push(`# ${data.message}\n`);
        else summary.set(name, (summary.get(name) ?? 0) + Number(count));
        break;
      }
    }
  }
  if (failures.length > 0) yield `\nWhat failed:\n${failures.join('')}\n${notes.join('')}`;
  yield Array.from(summary, ([name, count]) => `# ${name} ${count}\n`).join('');
}

function isExpected({ todo, details }) {
  return (todo !== undefined && todo !== false) || details.error?.failureType === BECAUSE_OF_OTHERS;
}

function textOf({ name, file, line, details }) {
  const error = details.error?.cause ?? details.error;
  const path = relative(process.cwd(), file ?? '');
  return `not ok - ${name} (${path}:${line}, ${Math.round(details.duration_ms)} ms)\n${inspect(error)}\n`;
}
