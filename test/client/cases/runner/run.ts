/**
 * Any client against the cases: `npm run cases -- [--only NAME]… PROGRAM [ARGUMENT]…`. A line for each case; the exit code is 1 when one
 * is red. `--list` tells what they are.
 */
import { casesOf } from './case.ts';
import { play } from './play.ts';
import { startScriptedServer } from './server.ts';
import { startSubject } from './subject.ts';

const words = process.argv.slice(2);
const only: string[] = [];
while (words[0] === '--only') only.push(...words.splice(0, 2).slice(1));
if (words[0] === '--list') {
  for (const { name, rules, about, needs = [] } of casesOf()) {
    console.log(`${name} (${[rules, ...needs.map((ability) => `needs ${ability}`)].join(', ')})\n    ${about}`);
  }
  process.exit();
}
if (words.length === 0) {
  console.error('npm run cases -- [--only NAME]… PROGRAM [ARGUMENT]…');
  process.exit(2);
}

await using server = await startScriptedServer();
await using subject = await startSubject(words);
const cases = casesOf(only);

async function player(): Promise<void> {
  for (let each = cases.shift(); each; each = cases.shift()) {
    const missing = (each.needs ?? []).filter((ability) => !subject.can.includes(ability));
    if (missing.length > 0) console.log(`–  ${each.name}: needs ${missing}`);
    else {
      await play(server, subject, each).then(
        () => console.log(`✓  ${each.name}`),
        (error: Error) => {
          process.exitCode = 1;
          console.log(`✗  ${each.name} (${each.rules}): ${each.about}\n${error.message}`);
        },
      );
    }
  }
}

/** Mostly they wait. */
const AT_ONCE = 20;
await Promise.all(Array.from({ length: AT_ONCE }, player));
