/** Places within a template, by paths such as `spec.containers.redis.image`: fields by their name, items by `name` or number. */
import type { Entry, Node } from './node.ts';

/** A field and whether it is there. @throws where there is no such field: the manifests have changed. */
export function entryOf(object: Node, path: string): Entry {
  let entry: Entry = { key: '', node: object };
  // A dot that belongs to a name has a \ before it.
  for (const word of path.split(/(?<!\\)\./).map((each) => each.replaceAll('\\.', '.'))) {
    const next = childOf(entry.node, word);
    if (next === undefined) throw new Error(`the manifests have no ${path} any more: no ${word}`);
    entry = next;
  }
  return entry;
}

function childOf(node: Node, word: string): Entry | undefined {
  if (node.kind === 'map') return node.entries.find(({ key }) => key === word);
  if (node.kind !== 'list') return undefined;
  const at = /^\d+$/.test(word) ? Number(word) : node.items.findIndex((item) => nameOf(item.node) === word);
  const item = node.items[at];
  if (item === undefined) return undefined;
  return {
    key: word,
    get node() {
      return node.items[at]!.node;
    },
    set node(other) {
      node.items[at] = { ...node.items[at], node: other };
    },
  };
}

function nameOf(node: Node): unknown {
  if (node.kind !== 'map') return undefined;
  const name = node.entries.find(({ key }) => key === 'name')?.node;
  return name?.kind === 'scalar' ? name.value : undefined;
}

export function set(object: Node, path: string, node: Node): void {
  entryOf(object, path).node = node;
}

export function mapOf(object: Node, path: string): Extract<Node, { readonly kind: 'map' }> {
  const { node } = entryOf(object, path);
  if (node.kind !== 'map') throw new Error(`${path} is no map`);
  return node;
}

export function listOf(object: Node, path: string): Extract<Node, { readonly kind: 'list' }> {
  const { node } = entryOf(object, path);
  if (node.kind !== 'list') throw new Error(`${path} is no list`);
  return node;
}
