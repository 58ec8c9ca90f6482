/** Tokens of three seconds, renewed a few times: nothing is missed, and nothing is told twice (P35). */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { startLocalApp } from '../support/app.ts';
import { SECRET } from '../support/tokens.ts';
import { renew } from './renewal/renewal.ts';

const RENEWALS = 4;

it('a token that is renewed costs no event, by the library and by hand', { timeout: 120_000 }, async () => {
  await using server = await startLocalApp({ AUTH: 'jwt', JWT_SECRET: SECRET, HISTORY_MAX_EVENTS: '100000' });
  const { sent, kinds } = await renew({
    ...{ url: server.url, lifeS: 3, readers: 3, changesPerS: 50 },
    isOver: (all) => all.every(({ readers }) => readers.every(({ figures }) => figures.renewals >= RENEWALS)),
  });
  for (const { name, readers, ...faults } of kinds) {
    assert.deepEqual(faults, { missed: 0, repeated: 0, outOfOrder: 0 }, `${name}, of ${sent}`);
    for (const { figures } of readers) assert.ok(figures.streams > RENEWALS, `${name}: ${JSON.stringify(figures)}`);
  }
});
