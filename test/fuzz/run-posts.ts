/** `npm run fuzz:posts -- --cases 200000 --seed 1`, with `--tokens` where tokens are asked for: prints one summary; exit code 1 when the two ways of a POST differ. */
import { parseArgs } from 'node:util';
import { fuzzPosts } from './posts.ts';

/** Enough to see what kind it is. */
const SHOWN_MAX = 10;

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '200000' },
    seed: { type: 'string', default: '1' },
    tokens: { type: 'boolean', default: false },
  },
});
const startedMs = performance.now();
const { differences, ...result } = await fuzzPosts(Number(values.cases), Number(values.seed), values.tokens);
for (const difference of differences.slice(0, SHOWN_MAX)) console.log(difference);
const seconds = Math.round((performance.now() - startedMs) / 1000);
console.log(JSON.stringify({ seed: Number(values.seed), ...result, differences: differences.length, seconds }));
process.exitCode = differences.length === 0 ? 0 : 1;
