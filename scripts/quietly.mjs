/**
 * Runs programs one after the other, `node scripts/quietly.mjs tsc --noEmit -- biome check .`, and prints what one of them
 * says only when it fails: then it is the last, and its exit code is ours.
 */
import { spawnSync } from 'node:child_process';

const NEXT = '--';

function commandsFrom(words) {
  const commands = [[]];
  for (const word of words) {
    if (word === NEXT) commands.push([]);
    else commands.at(-1).push(word);
  }
  return commands;
}

for (const [program, ...args] of commandsFrom(process.argv.slice(2))) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 64 << 20 });
  if (status === 0) continue;
  process.stdout.write(stdout ?? '');
  process.stderr.write(stderr ?? '');
  if (error) console.error(`${program}: ${error.message}`);
  process.exit(status ?? 1);
}
