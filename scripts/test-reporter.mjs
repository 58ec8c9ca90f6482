/**
 * What a run of the tests prints: each file when it is done, then all that failed, whole, and last the summary. Of a long
 * output it is the end that is kept and read, so what failed stands there once more.
 *
 * A reporter of `node --test` (Node's documentation, "Custom reporters"); plain JavaScript, because it is loaded before
 * anything that could compile it.
 */
import { relative } from 'node:path';
import { inspect } from 'node:util';

/** What is said of a suite when something in it failed; what failed says it better. */
const BECAUSE_OF_OTHERS = 'subtestsFailed';

export default async function* report(events) {
  const failures = [];
  const summary = [];
  let current;
  for await (const { type, data } of events) {
    switch (type) {
      case 'test:pass':
      case 'test:fail': {
        const file = relative(process.cwd(), data.file ?? '');
        if (data.nesting === 0 && file !== current) {
          current = file;
          yield `${file}\n`;
        }
        if (type === 'test:pass' || isExpected(data)) break;
        const failure = textOf(data, file);
        failures.push(failure);
        yield failure;
        break;
      }
      case 'test:stdout':
      case 'test:stderr':
        yield data.message;
        break;
      case 'test:diagnostic':
        if (data.nesting === 0) summary.push(`# ${data.message}\n`);
        break;
    }
  }
  if (failures.length > 0) yield `\nWhat failed:\n${failures.join('')}\n`;
  yield summary.join('');
}

function isExpected({ todo, details }) {
  return (todo !== undefined && todo !== false) || details.error?.failureType === BECAUSE_OF_OTHERS;
}

function textOf({ name, line, details }, file) {
  const error = details.error?.cause ?? details.error;
  return `not ok - ${name} (${file}:${line}, ${Math.round(details.duration_ms)} ms)\n${inspect(error)}\n`;
}
