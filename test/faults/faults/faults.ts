/** All faults by name, and which of them are meant. */
import type { GroundNeeds } from '../fleet/ground.ts';
import { archiveFaults } from './archive.ts';
import type { Fault } from './fault.ts';
import { linkFaults } from './links.ts';
import { processFaults } from './processes.ts';
import { storeFaults } from './store.ts';

export const allFaults: readonly Fault[] = [...processFaults, ...linkFaults, ...storeFaults, ...archiveFaults];

/** `all`: everything after which nothing may be lost. `kill*`: every name that begins so. A comma list of these. */
export function faultsNamed(text: string): readonly Fault[] {
  const found = new Set<Fault>();
  for (const word of text.split(',').filter((part) => part !== '')) {
    const stem = word.endsWith('*') ? word.slice(0, -1) : undefined;
    const named = allFaults.filter(({ name, isLossy }) =>
      word === 'all' ? !isLossy : stem === undefined ? name === word : name.startsWith(stem),
    );
    if (named.length === 0) {
      throw new Error(`no fault is called ${word}; there are ${allFaults.map(({ name }) => name).join(', ')}`);
    }
    for (const fault of named) found.add(fault);
  }
  return [...found];
}

export function needsOf(faults: readonly Fault[]): GroundNeeds {
  return Object.assign({}, ...faults.map(({ needs }) => needs ?? {}));
}
