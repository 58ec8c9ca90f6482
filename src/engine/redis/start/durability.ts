/** What a Redis keeps when it is killed or loses power, in words, for the operator's log. */
import type { EngineLog } from '../log.ts';

/** As CONFIG GET answers. */
export type Settings = Readonly<Record<string, string>>;

export interface Durability {
  readonly version: string;
  /** Undefined where CONFIG is forbidden. */
  readonly settings: Settings | undefined;
}

/** Whether it has after a crash whatever it confirmed. */
export function isLossless({ settings }: Durability): boolean {
  return settings?.appendonly === 'yes' && settings.appendfsync === 'always';
}

/** One line for all primaries, and warnings where one is weaker than it could be. */
export function logDurability(primaries: readonly Durability[], log: EngineLog): void {
  const counts = new Map<string, number>();
  for (const { settings } of primaries) {
    const words = inWords(settings);
    counts.set(words, (counts.get(words) ?? 0) + 1);
  }
  const { version, settings } = primaries[0]!;
  const fields = { primaries: primaries.length, version, ...settings };
  const all = Array.from(counts, ([words, count]) => (counts.size === 1 ? words : `${words} (${count} primaries)`));
  log.info(fields, `Redis: ${all.join('; ')}`);
  const known = primaries.flatMap(({ settings }) => (settings === undefined ? [] : [settings]));
  if (known.some(({ appendonly, appendfsync }) => appendonly !== 'yes' || appendfsync !== 'always')) {
    log.warn(
      fields,
      'Redis may lose changes that were answered 204: only appendonly yes with appendfsync always does not',
    );
  }
  const policies = known.map((settings) => settings['maxmemory-policy']);
  const policy = policies.find((each) => each !== 'noeviction');
  if (policy !== undefined) {
    log.warn({ policy }, 'Redis may evict keys when its memory is full: maxmemory-policy should be noeviction');
  }
}

/** What a kill -9 or a power cut takes. */
function inWords(settings: Settings | undefined): string {
  if (settings === undefined) return 'how durable it is, it does not say';
  const { appendonly, appendfsync, save } = settings;
  if (appendonly !== 'yes') {
    return save === ''
      ? 'in memory alone, a crash loses everything'
      : 'snapshots, a crash loses all since the last one';
  }
  if (appendfsync === 'always') return 'appendfsync always, a crash loses nothing';
  if (appendfsync === 'everysec') return 'appendfsync everysec, a crash loses about two seconds';
  return 'appendfsync no, a crash of the machine loses what the kernel had not written';
}
