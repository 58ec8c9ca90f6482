/** Configuration files of Redis and of Sentinels, as the manifests have them in ConfigMaps. */
import { find, type Manifest } from './manifests.ts';
import type { Pod } from './pods.ts';

/** README's promise: each 204 on disk, nothing evicted. */
export const durable: Readonly<Record<string, string>> = {
  appendonly: 'yes',
  appendfsync: 'always',
  'no-appendfsync-on-rewrite': 'no',
  'aof-load-truncated': 'no',
  'maxmemory-policy': 'noeviction',
};

/** Of one that has replicas: without them it takes nothing. */
export const replicated: Readonly<Record<string, string>> = { 'min-replicas-to-write': '1' };

/** Of the container's limit: a rewrite copies the pages that change under it, and connections have buffers. */
export const MEMORY_SHARE_MAX = 0.7;

/** What its ConfigMaps have under these keys, one after the other as Redis reads it. */
export function fileOf({ spec }: Pod, manifests: readonly Manifest[], ...keys: string[]): string {
  const names = (spec.volumes ?? []).flatMap(({ configMap }) => (configMap ? [configMap.name] : []));
  return names.flatMap((name) => keys.map((key) => textOf(manifests, name, key))).join('\n');
}

export function textOf(manifests: readonly Manifest[], name: string, key: string): string {
  return (find(manifests, 'ConfigMap', name)?.data as Record<string, string> | undefined)?.[key] ?? '';
}

/** A later one wins, as with Redis. */
export function directivesIn(text: string): Map<string, string> {
  const lines = text.split('\n').filter((line) => /^\w/.test(line));
  return new Map(lines.map((line) => line.split(/\s+(.*)/) as [string, string]));
}

/** One sentence for each that is something else. */
export function otherThan(
  wanted: Readonly<Record<string, string>>,
  directives: ReadonlyMap<string, string>,
  file: string,
): string[] {
  return Object.entries(wanted)
    .filter(([name, value]) => directives.get(name) !== value)
    .map(([name, value]) => `${file}: ${name} is ${directives.get(name)}, not ${value}`);
}

/** Redis' own units: `1gb` is 2³⁰. */
export function bytes(text = ''): number {
  const [, number, unit] = /^(\d+)(kb|mb|gb)?$/.exec(text) ?? [];
  return Number(number) * { kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30 }[unit ?? '']! || Number.NaN;
}
