/**
 * The templates of the Helm chart, made from the manifests that kustomize applies: both ways of installing give the same objects,
 * but for the Namespace, which Helm makes or is given, and for hashes, which are in names there and in an annotation here.
 */
import { type Manifest, titleOf } from '../k8s-check/manifests.ts';
import { addChecksum } from './checksum.ts';
import { hashedNames, withoutHashes } from './hashes.ts';
import { both, merged } from './merge.ts';
import type { Node } from './node.ts';
import { entryOf } from './paths.ts';
import { places, placesOfKind } from './places.ts';
import { NAMESPACE, rendered, toggles } from './renderings.ts';
import { linesOf } from './write.ts';

const HEADER =
  '{{- /* Made by `npm run k8s:chart` from k8s/base and k8s/components: change those, not this file. */ -}}\n';

/** Its content by the name of each file under `templates/`. */
export function templates(): ReadonlyMap<string, string> {
  const plain = rendered([]);
  const withComponents = toggles.map(([component, when]) => ({ when, manifests: rendered([component]) }));
  const hashed = new Set([plain, ...withComponents.map(({ manifests }) => manifests)].flatMap(hashedNames));
  const base = byTitle(withoutHashes(plain));
  const variants = withComponents.map(({ when, manifests }) => ({ when, objects: byTitle(withoutHashes(manifests)) }));
  const titles = new Set([base, ...variants.map(({ objects }) => objects)].flatMap((objects) => [...objects.keys()]));
  return new Map(
    [...titles].sort().map((title) => {
      const template = merged(
        base.get(title),
        variants.map(({ when, objects }) => ({ when, value: objects.get(title) })),
      )!;
      const kind = title.slice(0, title.indexOf('/'));
      for (const place of [...(placesOfKind[kind] ?? []), ...(places[title] ?? [])]) place(template.node);
      if (kind === 'Deployment' || kind === 'StatefulSet') addChecksum(template.node, hashed, fileOf);
      inRelease(template.node);
      const conditions = [template.when, kind === 'PrometheusRule' ? '.Values.monitoring.enabled' : undefined].filter(
        (when) => when !== undefined,
      );
      return [fileOf(title), textOf(template.node, conditions)];
    }),
  );
}

function byTitle(manifests: readonly Manifest[]): Map<string, Manifest> {
  return new Map(manifests.filter(({ kind }) => kind !== 'Namespace').map((each) => [titleOf(each), each]));
}

function fileOf(title: string): string {
  return `${title
    .replace('/smallchange', '')
    .replace(/([a-z])([A-Z])/g, '$1-$2')
    .toLowerCase()}.yaml`;
}

/** What belongs to the whole cluster has no namespace. */
function inRelease(node: Node): void {
  if (node.kind !== 'map') return;
  const metadata = entryOf(node, 'metadata').node;
  const namespace = metadata.kind === 'map' && metadata.entries.find(({ key }) => key === 'namespace');
  if (!namespace) return;
  if (namespace.node.kind !== 'scalar' || namespace.node.value !== NAMESPACE) throw new Error('another namespace');
  namespace.node = { kind: 'expression', text: '{{ .Release.Namespace }}' };
}

function textOf(node: Node, conditions: readonly string[]): string {
  const text = linesOf(node, 0);
  if (conditions.length === 0) return `${HEADER}${text}`;
  const when = conditions.reduce(both).replace(/^\((and .*|or .*|not .*)\)$/, '$1');
  return `${HEADER}{{- if ${when} }}\n${text}{{- end }}\n`;
}
