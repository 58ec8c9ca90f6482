/**
 * Sessions, tickets and revocations of a single box with a directory: in memory, as those of any single process, and on the disk before
 * anybody is told of them. Their time is that of the box, which stands while it is off.
 */
import type { Clock } from '../../clock.ts';
import { createInLine } from '../../domain/in-line.ts';
import { keptAfter, PassGroups, SWEEP_EVERY } from './memory-store.ts';
import type { PassStore } from './pass-store.ts';

interface KeptText {
  readonly group: number;
  readonly name: string;
  readonly text: string | null;
  readonly untilMs: number;
}

/** What is needed of the engine's disk. */
export interface DiskLink {
  readonly clock: Clock;
  readTexts(act: (kept: KeptText) => void): Promise<void>;
  /** @throws {EngineUnavailable} */
  writeTexts(texts: readonly KeptText[]): Promise<void>;
}

export async function createDiskPasses({ clock, readTexts, writeTexts }: DiskLink): Promise<PassStore> {
  const groups = new PassGroups(clock);
  await readTexts(({ group, name, text, untilMs }) =>
    groups.put(group, name, text === null ? null : { text, untilMs }),
  );
  /** Of a group one is on its way to the disk at a time: each goes by what the one before left. */
  const inLine = createInLine<number>();
  let writes = 0;

  async function sweep(): Promise<void> {
    const over = groups.over();
    await writeTexts(over.map(([group, name]) => ({ group, name, text: null, untilMs: 0 })));
    for (const [group, name] of over) if (groups.textOf(group, name) === null) groups.put(group, name, null);
  }

  async function write(...[group, changes, told]: Parameters<PassStore['write']>): Promise<boolean> {
    if (!groups.allows(group, changes)) return false;
    const after = changes.map((change) => ({ name: change.name, kept: keptAfter(change, clock.elapsedMs()) }));
    await writeTexts(
      after.map(({ name, kept }) => ({ group, name, text: kept?.text ?? null, untilMs: kept?.untilMs ?? 0 })),
    );
    for (const { name, kept } of after) groups.put(group, name, kept);
    for (const key of told) groups.tell(group, key);
    // Behind this one, and nobody's time; what fails is found by the next.
    if (++writes % SWEEP_EVERY === 0) void sweep().catch(() => {});
    return true;
  }

  return {
    read: async (group, names) => names.map((name) => groups.textOf(group, name)),
    write: (...wish) => inLine(wish[0], () => write(...wish)),
    news: async (group, since) => groups.news(group, since),
    listen: async (listener) => groups.listen(listener),
  };
}
