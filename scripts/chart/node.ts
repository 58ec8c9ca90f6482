/**
 * An object of Kubernetes as a template of it: fields and items that are there under a condition, values that are one thing or
 * another, and those that a user says.
 */
export type Node =
  | { readonly kind: 'scalar'; value: string | number | boolean | null }
  | { readonly kind: 'map'; entries: Entry[] /** Fields of the user's that follow, an expression. */; more?: string }
  | { readonly kind: 'list'; items: Item[] /** A list of the user's that follows, an expression. */; more?: string }
  | { readonly kind: 'choice'; readonly when: string; readonly node: Node; readonly otherwise: Node }
  /** Written as it is: `{{ … }}` in one line. */
  | { readonly kind: 'expression'; readonly text: string }
  /** Text whose placeholders are expressions: `maxmemory 1gb` may be said by the user. */
  | { readonly kind: 'text'; readonly parts: readonly (string | { readonly expression: string })[] }
  /** What the user says, as YAML; its entry says when. */
  | { readonly kind: 'yaml'; readonly value: string }
  /** What the user says in place of a node, as YAML. */
  | { readonly kind: 'instead'; readonly value: string; readonly otherwise: Node }
  /** Names and texts, over which the user's are laid. */
  | { readonly kind: 'settings'; readonly value: string; readonly entries: Entry[] };

export interface Entry {
  readonly key: string;
  /** A condition of the template language; undefined where it is always there. */
  when?: string;
  node: Node;
}

export interface Item {
  when?: string;
  readonly node: Node;
}

export function nodeOf(value: unknown): Node {
  if (Array.isArray(value)) return { kind: 'list', items: value.map((each) => ({ node: nodeOf(each) })) };
  if (typeof value === 'object' && value !== null) {
    return { kind: 'map', entries: Object.entries(value).map(([key, each]) => ({ key, node: nodeOf(each) })) };
  }
  return { kind: 'scalar', value: value as string | number | boolean | null };
}
