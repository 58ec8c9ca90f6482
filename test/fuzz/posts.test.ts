/** The two ways of a POST differ in nothing: a small run; the large one is `npm run fuzz:posts -- --cases 200000`. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { fuzzPosts } from './posts.ts';

const CASES = 1_200;

it('a POST in one segment and in pieces: the same status, effect and log', async () => {
  const { cases, differences, statuses, changes } = await fuzzPosts(CASES, 12);
  assert.deepEqual(differences, []);
  assert.equal(cases, CASES);
  assert.ok(changes > CASES / 10 && Object.keys(statuses).length > 6, JSON.stringify({ changes, statuses }));
});

it('the same where tokens are asked for, whoever they are of and whatever is wrong with them', async () => {
  const { cases, differences, statuses, changes } = await fuzzPosts(CASES, 14, true);
  assert.deepEqual(differences, []);
  assert.equal(cases, CASES);
  assert.ok(
    changes > CASES / 30 && statuses['401']! > CASES / 15 && statuses['403']! > CASES / 60,
    JSON.stringify({ changes, statuses }),
  );
});
