/** The process: configuration in, exit code out. 0 stopped, 1 cannot run, 2 wrongly configured. */
import cluster from 'node:cluster';
import { readConfig } from './config.ts';
import { createLogger } from './log.ts';
import { serve } from './serve.ts';
import { supervise } from './supervise.ts';

const outcome = readConfig();
if (!outcome.ok) {
  for (const problem of outcome.problems) process.stderr.write(`smallchange: ${problem}\n`);
  process.exit(2);
}
const log = createLogger(outcome.config);
if (outcome.config.workers > 1 && cluster.isPrimary) await supervise(outcome.config, log);
else await serve(outcome.config, log);
