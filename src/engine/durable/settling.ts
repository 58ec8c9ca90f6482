/**
 * What many messages come to, as few writes: of rows that were written again the last, and none of changes that came and went. Each row
 * says all it has and not what is added, so these may be written in pieces, and twice.
 */
import type { Write } from './statements.ts';

export class Settling {
  readonly #writes = new Map<string, Write>();
  readonly #mayBeThere: boolean;
  /** Channels that had a piece among them. */
  readonly #piecesOf = new Set<number>();

  /** @param mayBeThere Whether some of it may have been settled before: then also what came and went is taken away. */
  constructor(mayBeThere: boolean) {
    this.#mayBeThere = mayBeThere;
  }

  get size(): number {
    return this.#writes.size;
  }

  add(rows: readonly Write[]): void {
    for (const row of rows) {
      const key = keyOf(row);
      if (row[0] === 'piece' || row[0] === 'pieceAnew') this.#piecesOf.add(row[2] as number);
      const before = this.#writes.get(key);
      // Behind what came between: what it says is true from now on, and not before.
      if (before !== undefined) this.#writes.delete(key);
      const hasGone = before !== undefined && opposites[before[0]] === row[0];
      if (this.#mayBeThere || !hasGone) this.#writes.set(key, row);
    }
  }

  hasPiecesOf(channel: number): boolean {
    return this.#piecesOf.has(channel);
  }

  /** The first of them, in the order in which they are to be written. */
  first(count: number): Write[] {
    const rows: Write[] = [];
    for (const row of this.#writes.values()) {
      if (rows.length === count) break;
      rows.push(row);
    }
    return rows;
  }

  /** They are written. */
  drop(rows: readonly Write[]): void {
    for (const row of rows) this.#writes.delete(keyOf(row));
    if (this.size === 0) this.#piecesOf.clear();
  }
}

/** What came and went. Any other row may have been there before. */
const opposites: { readonly [name in Write[0]]?: Write[0] } = { accepted: 'taken', piece: 'noPiece' };

/** Of two with the same the later is all that counts. */
function keyOf([name, a, b]: Write): string {
  switch (name) {
    case 'accepted':
    case 'acceptedAnew':
    case 'taken':
      return `inbox ${a}`;
    case 'publisher':
    case 'noPublisher':
      return `publisher ${a}`;
    case 'forgotten':
    case 'notForgotten':
      return `forgotten ${a}`;
    case 'archived':
      return `archived ${b}`;
    case 'piece':
    case 'pieceAnew':
    case 'noPiece':
      return `piece ${a}`;
    case 'pass':
    case 'noPass':
      return `pass ${a} ${b}`;
    case 'field':
    case 'noField':
      return `field ${a} ${b}`;
    case 'counted':
      return `${name} ${a} ${b}`;
    case 'clock':
      return name;
    default:
      return `${name} ${a}`;
  }
}
