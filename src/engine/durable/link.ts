/** What else of a single box outlives its process: small texts, each of a group and for a time. What they say is others' business. */
import type { Clock } from '../../clock.ts';
import type { Disk } from './disk.ts';
import type { Write } from './statements.ts';

export interface KeptText {
  readonly group: number;
  readonly name: string;
  /** Null: it is to be there no more. */
  readonly text: string | null;
  /** By the clock of the box, milliseconds. */
  readonly untilMs: number;
}

export interface BoxLink {
  /** Goes on where it was. */
  readonly clock: Clock;
  /** Each that is there. */
  readTexts(act: (kept: KeptText) => void): Promise<void>;
  /** All or none; on the disk when it resolves. @throws {EngineUnavailable} */
  writeTexts(texts: readonly KeptText[]): Promise<void>;
}

export function linkTo(disk: Disk, clock: Clock): BoxLink {
  return {
    clock,
    readTexts: (act) =>
      disk.readAll('passes', [-1, ''], ([group, name, text, untilMs]) => {
        act({ group: group as number, name: name as string, text: text as string, untilMs: untilMs as number });
      }),
    writeTexts: (texts) =>
      disk.write([
        ['clock', clock.elapsedMs()],
        ...texts.map(({ group, name, text, untilMs }): Write => {
          return text === null ? ['noPass', group, name] : ['pass', group, name, text, untilMs];
        }),
      ]),
  };
}
