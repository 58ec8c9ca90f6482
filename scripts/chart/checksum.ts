/** What kustomize says by the hash in a name, a chart says by an annotation: other content of a ConfigMap is another pod. */
import type { Node } from './node.ts';
import { mapOf } from './paths.ts';

/**
 * @param hashed The names of ConfigMaps whose content is so told.
 * @param fileOf The template of one.
 */
export function addChecksum(workload: Node, hashed: ReadonlySet<string>, fileOf: (title: string) => string): void {
  const used = [...new Set(configMapsOf(workload))].filter((name) => hashed.has(name)).sort();
  if (used.length === 0) return;
  const texts = used.map((name) => `(include (print $.Template.BasePath "/${fileOf(`ConfigMap/${name}`)}") $)`);
  const { entries } = mapOf(workload, 'spec.template.metadata');
  const checksum = {
    key: 'checksum/config',
    node: { kind: 'expression', text: `{{ print ${texts.join(' ')} | sha256sum }}` },
  } as const;
  const annotations = entries.find(({ key }) => key === 'annotations');
  if (annotations?.node.kind === 'map') annotations.node.entries.unshift(checksum);
  else entries.unshift({ key: 'annotations', node: { kind: 'map', entries: [checksum] } });
}

function* configMapsOf(node: Node): Generator<string> {
  if (node.kind === 'list') for (const { node: item } of node.items) yield* configMapsOf(item);
  if (node.kind === 'choice') yield* [...configMapsOf(node.node), ...configMapsOf(node.otherwise)];
  if (node.kind !== 'map') return;
  for (const { key, node: value } of node.entries) {
    if (/^configMap(Ref)?$/.test(key) && value.kind === 'map') {
      const name = value.entries.find((entry) => entry.key === 'name')?.node;
      if (name?.kind === 'scalar') yield String(name.value);
    }
    yield* configMapsOf(value);
  }
}
