/**
 * Every door, with every kind of token at it: without credentials, with nothing granted, with only the other right, with a grant that
 * only looks like it. What is let in is what the token grants to the letter, and nothing else is told or appended.
 *
 * Each change by one segment, which the shortcut answers, and by two, which Node reads. The same through both edges:
 * `test/edge/doors.test.ts`.
 */
import { after, before, describe } from 'node:test';
import { type House, openHouse } from './doors/house.ts';
import { rows } from './doors/rows.ts';

describe('doors', { concurrency: 8 }, () => {
  let house: House;
  before(async () => {
    house = await openHouse();
  });
  after(async () => {
    await using open = house;
    await open.checkAll();
  });

  rows(
    () => house,
    () => house.server.port,
  );
});
