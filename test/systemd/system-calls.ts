/** Which system calls a unit lets its process make, and which a process has made. */
import { readFileSync } from 'node:fs';
import { run } from '../package/packed.ts';

/** Asked for by V8 at its start, which does without: they may be refused. */
const MAY_BE_REFUSED = ['pkey_alloc'];

/** The program before a command whose calls are to be written to `file`; its process stays a child of ours. */
export function traced(file: string): readonly string[] {
  return ['strace', '-D', '-f', '-qq', '-c', '-U', 'name', '-o', file];
}

/** @returns What was called, or undefined while the last process has not ended. */
export function callsIn(file: string): readonly string[] | undefined {
  const names: readonly string[] = readFileSync(file, 'utf8').match(/^\w+$/gm) ?? [];
  return names.includes('total') ? names.filter((name) => name !== 'total' && name !== 'syscall') : undefined;
}

/** @param filters The values of `SystemCallFilter`: the first says what is let through, those with `~` what is not. */
export function refusedBy(filters: readonly string[], calls: readonly string[]): readonly string[] {
  const allowed = new Set(MAY_BE_REFUSED);
  for (const filter of filters) {
    const isRefused = filter.startsWith('~');
    for (const set of filter.replace('~', '').split(' ')) {
      for (const call of callsOf(set)) isRefused ? allowed.delete(call) : allowed.add(call);
    }
  }
  return calls.filter((call) => !allowed.has(call));
}

/** Sets name others. */
function callsOf(set: string): string[] {
  if (!set.startsWith('@')) return [set];
  const [, ...members] = run('systemd-analyze', ['syscall-filter', set], '.').trim().split('\n');
  return members
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .flatMap(callsOf);
}
