/** What was published against what was merged and what came to each callback: once, in order, nothing left out. */

export interface Logged {
  readonly number: number;
  readonly from: string;
  readonly seq: number;
}

export interface Reader {
  readonly name: string;
  readonly kept: ReadonlyMap<string, readonly number[]>;
  readonly live: ReadonlyMap<string, readonly (readonly number[])[]>;
}

export interface Accounts {
  /** By channel: the numbers in the order of their publishing, and whose order must be kept over all its lives, if anybody's. */
  readonly published: ReadonlyMap<string, readonly { readonly number: number; readonly by: string | undefined }[]>;
  /** By channel, as merged. */
  readonly merged: ReadonlyMap<string, readonly Logged[]>;
  readonly readers: readonly Reader[];
}

export interface Verdict {
  readonly lost: number;
  readonly repeated: number;
  readonly disordered: number;
  /** In words, the first of each kind. */
  readonly words: readonly string[];
}

export function verdictOn({ published, merged, readers }: Accounts): Verdict {
  const sums = { lost: 0, repeated: 0, disordered: 0 };
  const words: string[] = [];
  const found = (kind: keyof typeof sums, numbers: readonly number[], where: string) => {
    sums[kind] += numbers.length;
    if (numbers.length > 0) words.push(`${where}: ${numbers.length} ${kind}: ${numbers.slice(0, 5).join(', ')}`);
  };

  for (const [channel, sent] of published) {
    const log = merged.get(channel) ?? [];
    const order = log.map(({ number }) => number);
    const places = new Map(order.map((number, place) => [number, place]));
    compare(
      sent.map(({ number }) => number),
      order,
      `${channel}, merged`,
    );
    found(
      'disordered',
      outOfOrder(
        log,
        ({ from }) => from,
        ({ seq }) => seq,
      ),
      `${channel}, seq`,
    );
    found(
      'disordered',
      outOfOrder(
        log,
        ({ from }) => from,
        ({ number }) => number,
      ),
      `${channel}, publisher`,
    );
    const by = new Map(sent.map((each) => [each.number, each.by]));
    found(
      'disordered',
      outOfOrder(
        log,
        ({ number }) => by.get(number),
        ({ number }) => number,
      ),
      `${channel}, publisher`,
    );
    for (const { name, kept, live } of readers) {
      const where = `${channel} at ${name}`;
      const heard = kept.get(channel);
      if (heard) {
        compare(order, heard, where);
        inPlace(heard, places, where);
      }
      for (const life of live.get(channel) ?? []) {
        const from = places.get(life[0]!) ?? 0;
        const to = places.get(life.at(-1)!) ?? -1;
        compare(order.slice(from, to + 1), life, where);
        inPlace(life, places, where);
      }
    }
  }
  return { ...sums, words };

  function compare(expected: readonly number[], heard: readonly number[], where: string): void {
    const once = new Set(heard);
    const left = new Set(once);
    found(
      'repeated',
      heard.filter((number) => !left.delete(number)),
      where,
    );
    found(
      'lost',
      expected.filter((number) => !once.has(number)),
      where,
    );
  }

  function inPlace(heard: readonly number[], places: ReadonlyMap<number, number>, where: string): void {
    const at = (number: number) => places.get(number) ?? -1;
    found(
      'disordered',
      heard.filter((number, i) => i > 0 && at(number) < at(heard[i - 1]!)),
      where,
    );
  }
}

function outOfOrder(
  log: readonly Logged[],
  whose: (logged: Logged) => string | undefined,
  rank: (logged: Logged) => number,
): number[] {
  const last = new Map<string, number>();
  return log.flatMap((logged) => {
    const who = whose(logged);
    if (who === undefined) return [];
    const isLater = rank(logged) > (last.get(who) ?? 0);
    last.set(who, rank(logged));
    return isLater ? [] : logged.number;
  });
}
