/** The roll calls of the memory engine (`gather`): there is one process, so each has one member, or a few in tests. */
import type { RollName } from '../engine.ts';

interface Member {
  readonly figure: number;
  readonly untilMs: number;
}

export class Rolls {
  readonly #rolls = { gateways: new Map<string, Member>(), mergers: new Map<string, Member>() };

  /** Leaves a member's figure for so long, and gives those of all members that count at `nowMs`. */
  gather(roll: RollName, member: string, figure: number, ttlMs: number, nowMs: number): readonly number[] {
    const members = this.#rolls[roll];
    members.set(member, { figure, untilMs: nowMs + ttlMs });
    for (const [name, { untilMs }] of members) if (untilMs <= nowMs) members.delete(name);
    return Array.from(members.values(), (each) => each.figure);
  }
}
