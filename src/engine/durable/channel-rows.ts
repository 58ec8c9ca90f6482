/** Which rows a channel has: its own, and one for each piece of its events. */
import type { Piece } from '../../archive/packing.ts';

interface PieceRow {
  readonly id: number;
  /** Offset of its last event. */
  readonly last: number;
}

export class ChannelRows {
  readonly id: number;
  /** The oldest first. */
  readonly #pieces: PieceRow[] = [];

  constructor(id: number) {
    this.id = id;
  }

  add(id: number, { last }: Pick<Piece, 'last'>): void {
    this.#pieces.push({ id, last });
  }

  /** Pieces of which no event is kept when this is the oldest one. */
  below(oldest: number): number[] {
    const ids: number[] = [];
    for (const { id, last } of this.#pieces) {
      if (last >= oldest) break;
      ids.push(id);
    }
    return ids;
  }

  drop(pieces: number): void {
    if (pieces > 0) this.#pieces.splice(0, pieces);
  }
}
