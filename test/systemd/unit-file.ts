/** Units of systemd and their environment files, as far as ours use their syntax (systemd.syntax(7), systemd.exec(5)). */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const folder = fileURLToPath(new URL('../../examples/systemd/', import.meta.url));
const common = 'smallchange-.service.d/common.conf';

/** Every value of a directive, in the order in which they were given. */
export type Unit = ReadonlyMap<string, readonly string[]>;

/** Of each unit its name, without the instance of a template. */
export const unitNames = readdirSync(folder).filter((name) => name.endsWith('.service'));

/** A unit as systemd has it: its own file, and after that what is common to all. */
export function readUnit(name: string): Unit {
  const unit = new Map<string, string[]>();
  for (const path of [name, common]) {
    for (const [key, value] of assignments(readFileSync(join(folder, path), 'utf8'))) {
      unit.set(key, [...(unit.get(key) ?? []), value]);
    }
  }
  return unit;
}

/** Of a directive that is there once. @throws when it is not. */
export function only(unit: Unit, key: string): string {
  const values = unit.get(key) ?? [];
  if (values.length !== 1) throw new Error(`${key} is there ${values.length} times`);
  return values[0]!;
}

/** `1G` → bytes. */
export function bytesOf(size: string): number {
  const [, number, unit] = /^(\d+)([KMG])$/.exec(size) ?? [];
  if (unit === undefined) throw new Error(`${size} is no size`);
  return Number(number) * 1024 ** ('KMG'.indexOf(unit) + 1);
}

/**
 * What a process of the unit is given. What a file says beats what the unit itself says, as in systemd.exec(5).
 *
 * @param instance What `%i` stands for.
 */
export function environmentOf(unit: Unit, instance: string): Record<string, string> {
  const own = only(unit, 'Environment').replaceAll('%i', instance).split(' ').join('\n');
  // Those of a role are optional, begin with `-`, and are not here.
  const files = unit.get('EnvironmentFile')!.filter((path) => !path.startsWith('-'));
  const texts = files.map((path) => readFileSync(path.replace('/etc/smallchange/', folder), 'utf8'));
  return Object.fromEntries([own, ...texts].flatMap((text) => [...assignments(text)]));
}

/** @throws for a line that would need more than this to be read. */
function* assignments(text: string): Iterable<[string, string]> {
  for (const line of text.split('\n')) {
    if (/^\s*([#;].*|\[\w+\])?$/.test(line)) continue;
    const [, key, value] = /^(\w+)=([^"'\\]*)$/.exec(line) ?? [];
    if (key === undefined) throw new Error(`not read here: ${line}`);
    yield [key, value!];
  }
}
