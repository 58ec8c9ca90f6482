/** kustomize ends the names of ConfigMaps and Secrets that it makes in a hash of their content. A chart says the hash elsewhere. */
import { type Manifest, ofKind } from '../k8s-check/manifests.ts';

const HASH = /-[bcdfghkmt24-9]{10}$/;

/** The names that have one, as they are with it. */
function hashedOf(manifests: readonly Manifest[]): string[] {
  return ofKind(manifests, 'ConfigMap', 'Secret')
    .map(({ metadata }) => metadata.name)
    .filter((name) => HASH.test(name));
}

/** As they are without it. */
export function hashedNames(manifests: readonly Manifest[]): string[] {
  return hashedOf(manifests).map((name) => name.replace(HASH, ''));
}

export function withoutHashes(manifests: readonly Manifest[]): Manifest[] {
  const hashed = new Set(hashedOf(manifests));
  return JSON.parse(JSON.stringify(manifests), (_key, value: unknown) =>
    typeof value === 'string' && hashed.has(value) ? value.replace(HASH, '') : value,
  ) as Manifest[];
}
