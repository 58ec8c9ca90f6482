/** The command line of a benchmark: whole numbers by name, each with its default, and the AOF modes. */
import { parseArgs } from 'node:util';
import { type AofMode, aofModes } from './redis.ts';

export type Numbers<K extends string> = { readonly [key in K]: number };

let reduced = false;

/** Whether less was asked for than a result needs: fewer rounds, streams, seconds … than the defaults. */
export function isReduced(): boolean {
  return reduced;
}

/** `--rounds 5 --streams 15000`. An option that is not known, or no number, ends the benchmark before it begins. */
export function numbersOf<K extends string>(defaults: Numbers<K>): Numbers<K> {
  return read(defaults).numbers;
}

/** The same, and `--aof off`, or several modes: `--aof off,always`. */
export function numbersAndAof<K extends string>(
  defaults: Numbers<K>,
  aof: string,
): Numbers<K> & { readonly aof: readonly AofMode[] } {
  const { numbers, text } = read(defaults, aof);
  const modes = text.split(',');
  for (const mode of modes) {
    if (!aofModes.includes(mode as AofMode)) throw new Error(`--aof ${mode}: one of ${aofModes.join(', ')}`);
  }
  return { ...numbers, aof: modes as AofMode[] };
}

function read<K extends string>(defaults: Numbers<K>, aof?: string): { numbers: Numbers<K>; text: string } {
  const names = Object.keys(defaults) as K[];
  const asked = aof === undefined ? names : [...names, 'aof'];
  const { values } = parseArgs({
    options: Object.fromEntries(asked.map((name) => [name, { type: 'string' as const }])),
  });
  const numbers = Object.fromEntries(
    names.map((name) => {
      const value = Number(values[name] ?? defaults[name]);
      if (!Number.isInteger(value) || value < 0) throw new Error(`--${name} ${values[name]} is no whole number`);
      if (value < defaults[name]) reduced = true;
      return [name, value];
    }),
  );
  return { numbers: numbers as Numbers<K>, text: String(values.aof ?? aof ?? '') };
}
