/** The process: command line and configuration in, exit code out. 0 stopped, 1 cannot run, 2 wrongly configured. */
import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';
import { helpText, readCommandLine, toldAsGiven } from './config/command-line.ts';
import { environmentWith, readConfig } from './config.ts';
import { keepHeapSmall } from './heap.ts';
import { createLogger } from './log.ts';
import { serve } from './serve.ts';
import { supervise } from './supervise.ts';

const asked = readCommandLine(process.argv.slice(2));
if (asked.kind === 'help') {
  process.stdout.write(helpText());
} else if (asked.kind === 'version') {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  process.stdout.write(`${version}\n`);
} else if (asked.kind === 'wrong') {
  refuse(asked.problems);
} else {
  await run(asked.given);
}

async function run(given: Readonly<Record<string, string>>): Promise<void> {
  const outcome = readConfig(environmentWith(given));
  if (!outcome.ok) return refuse(outcome.problems.map((problem) => toldAsGiven(problem, given)));
  keepHeapSmall();
  const log = createLogger(outcome.config);
  if (outcome.config.workers > 1 && cluster.isPrimary) await supervise(outcome.config, log);
  else await serve(outcome.config, log);
}

function refuse(problems: readonly string[]): never {
  for (const problem of problems) process.stderr.write(`smallchange: ${problem}\n`);
  process.exit(2);
}
