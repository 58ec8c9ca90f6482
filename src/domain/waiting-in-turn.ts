/** Those who wait, of whom each address is served in turn: who has many is behind who has few. */
import { Chain, type Linked } from './chain.ts';

export class WaitingInTurn<T extends { readonly address: string }> {
  readonly #rows = new Map<string, Row<T>>();
  /** In the order in which they are served. */
  readonly #inTurn = new Chain<Row<T>>();

  /** Addresses of whom somebody waits. */
  get size(): number {
    return this.#rows.size;
  }

  add(item: T): void {
    const { address } = item;
    let row = this.#rows.get(address);
    if (!row) {
      row = new Row(address);
      this.#rows.set(address, row);
      this.#inTurn.append(row);
    }
    row.items.push(item);
  }

  /** Whose turn it is. */
  take(): T | undefined {
    const row = this.#inTurn.first;
    if (!row) return undefined;
    const item = row.items[row.at];
    // Nothing that was served is held by a row that V8 takes for a lasting one.
    row.items[row.at++] = undefined;
    if (row.at < row.items.length) {
      this.#inTurn.append(row);
    } else {
      this.#inTurn.remove(row);
      this.#rows.delete(row.address);
    }
    return item;
  }
}

class Row<T> implements Linked {
  previous: Linked | undefined = undefined;
  next: Linked | undefined = undefined;
  readonly address: string;
  /** The longest first, from `at` on. */
  readonly items: (T | undefined)[] = [];
  at = 0;

  constructor(address: string) {
    this.address = address;
  }
}
