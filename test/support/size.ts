/** `SIZE=5`: tests of what is repeated thousands of times repeat it five times as often. `npm run test:large` has those. */
export const SIZE = Number(process.env.SIZE ?? 1);
