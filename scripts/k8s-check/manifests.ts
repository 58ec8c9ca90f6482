/** The documents of an installation, as far as the rules look at them. The rest of each is the schema's concern. */
import { parseAllDocuments } from 'yaml';

export type Labels = Readonly<Record<string, string>>;

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Labels };
  /** Whatever this kind has; a rule that looks at a kind knows its form. */
  readonly [field: string]: unknown;
}

/** @throws for anything that is not YAML, or no object of Kubernetes'. */
export function parseManifests(yaml: string): Manifest[] {
  return parseAllDocuments(yaml)
    .map((document) => {
      const problem = document.errors[0];
      if (problem !== undefined) throw problem;
      // An anchor that is used is spelt out, as a cluster would see it.
      return document.toJS() as unknown;
    })
    .filter((value) => value !== null)
    .map((value) => {
      if (!isManifest(value)) throw new Error(`not an object of Kubernetes: ${JSON.stringify(value).slice(0, 80)}`);
      return value;
    });
}

function isManifest(value: unknown): value is Manifest {
  const { apiVersion, kind, metadata } = (value ?? {}) as Partial<Manifest>;
  return typeof apiVersion === 'string' && typeof kind === 'string' && typeof metadata?.name === 'string';
}

export function titleOf({ kind, metadata }: Manifest): string {
  return `${kind}/${metadata.name}`;
}

export function ofKind(manifests: readonly Manifest[], ...kinds: string[]): Manifest[] {
  return manifests.filter(({ kind }) => kinds.includes(kind));
}

export function find(manifests: readonly Manifest[], kind: string, name: string): Manifest | undefined {
  return manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
}
