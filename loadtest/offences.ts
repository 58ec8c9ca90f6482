/** What went wrong, counted by kind, the first few with everything that is known of them. */
import type { Offence, OffenceCounts, OffenceKind } from './messages.ts';

/** Kept whole: the first is what one looks at, a few more show the pattern. */
const KEPT = 20;

export class Offences {
  readonly counts: OffenceCounts = {};
  readonly first: Offence[] = [];

  add(offence: Omit<Offence, 'atMs'>, times = 1): void {
    this.counts[offence.kind] = (this.counts[offence.kind] ?? 0) + times;
    if (this.first.length < KEPT) this.first.push({ atMs: Date.now(), ...offence });
  }

  /** An event that was missing has come after all, behind a later one. */
  cameLate(channel: string, offset: number, stream: number): void {
    this.#move('missing', 'out of order');
    const found = this.first.find(
      (offence) =>
        offence.kind === 'missing' &&
        offence.channel === channel &&
        offence.offset === offset &&
        offence.stream === stream,
    );
    if (found) found.kind = 'out of order';
  }

  #move(from: OffenceKind, to: OffenceKind): void {
    this.counts[from]! -= 1;
    if (this.counts[from] === 0) delete this.counts[from];
    this.counts[to] = (this.counts[to] ?? 0) + 1;
  }
}
