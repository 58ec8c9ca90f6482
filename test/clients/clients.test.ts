/**
 * Other people's clients, each with the settings of docs/clients.md: whatever happens to a connection, all of them get every event
 * once and in order, and none asks a full server more than once a second. Those with defaults for which it is over are said to be.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Ground, startGround, Trial } from './ground.ts';
import { type Page, startPage } from './page.ts';
import type { Player } from './players.ts';
import { rows, SCENARIOS, type Scenario } from './rows.ts';
import { PAYLOADS, plays } from './scenarios.ts';

/** One connection may be made in the moment before the first second begins. */
const REQUESTS_PER_S_MAX = 1.2;
const AT_ONCE = 3;

const names = rows.flatMap(({ name, where }) => where.map((each) => (where.length > 1 ? `${name}, ${each}` : name)));

describe('clients', () => {
  let page: Page;
  let ground: Ground;
  const trials = new Map<Scenario, Trial>();

  before(async () => {
    page = await startPage();
    ground = await startGround(page);
    // They mostly wait, each with servers of its own; but all at once would begin late on a slow machine.
    const left = [...SCENARIOS];
    const lane = async () => {
      for (let scenario = left.shift(); scenario !== undefined; scenario = left.shift()) {
        const trial = new Trial(scenario, ground);
        trials.set(scenario, trial);
        await plays[scenario](ground, trial);
      }
    };
    // What they stand on is not taken away while another still plays.
    const lanes = await Promise.allSettled(Array.from({ length: AT_ONCE }, lane));
    for (const each of lanes) if (each.status === 'rejected') throw each.reason;
  });
  after(async () => {
    await Promise.all([...trials.values()].map((trial) => trial.end()));
    await page?.[Symbol.asyncDispose]();
    await ground?.[Symbol.asyncDispose]();
  });

  for (const scenario of SCENARIOS) {
    describe(scenario, () => {
      for (const name of names) {
        it(name, () => {
          const trial = trials.get(scenario)!;
          const player = trial.players.find((each) => each.name === name)!;
          assertSaw(scenario, trial, player);
        });
      }
    });
  }
});

function assertSaw(scenario: Scenario, trial: Trial, { row, name, seen }: Player): void {
  const shown = `statuses ${seen.statuses}; ${seen.controls.slice(-5)}; ${seen.texts.slice(-40)}`;
  if (scenario === 'bytes') {
    const right = PAYLOADS.filter((payload) => seen.changes.some((change) => change.equals(payload)));
    assert.equal(right.length, row.bytes ?? PAYLOADS.length, shown);
    return;
  }
  if (row.ends?.includes(scenario)) {
    assert.ok(seen.changes.length < trial.sent.length, 'it has all: say so in the table');
    return;
  }
  assert.deepEqual(seen.texts, trial.sent, shown);
  if (scenario === 'reset') assert.ok(seen.statuses.includes('reset'), shown);
  if (scenario === 'full') {
    const perS = trial.requestsPerS.get(name)!;
    assert.ok(perS <= REQUESTS_PER_S_MAX, `${perS} requests a second`);
  }
}
