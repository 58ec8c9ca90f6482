/** Those who wait, of whom each address is served in turn: who has many is behind who has few. */

interface Row<T> {
  readonly items: T[];
  next: number;
}

export class WaitingInTurn<T extends { readonly address: string }> {
  /** Of each address those that wait, the longest first. The addresses stand in the order in which they are served. */
  readonly #rows = new Map<string, Row<T>>();

  /** Addresses of whom somebody waits. */
  get size(): number {
    return this.#rows.size;
  }

  add(item: T): void {
    const row = this.#rows.get(item.address);
    if (row) row.items.push(item);
    else this.#rows.set(item.address, { items: [item], next: 0 });
  }

  /** Whose turn it is. Must not be called where nobody waits. */
  take(): T {
    const [address, row] = this.#rows.entries().next().value!;
    this.#rows.delete(address);
    const item = row.items[row.next++]!;
    if (row.next < row.items.length) this.#rows.set(address, row);
    return item;
  }
}
