/**
 * One template of several renderings: what the base has, and what each component makes of it by itself. Components are taken to be
 * independent of each other; that they are is seen where whole installations are compared (test/k8s/rules/chart.ts).
 */
import { isDeepStrictEqual } from 'node:util';
import { type Entry, type Item, type Node, nodeOf } from './node.ts';

/** What a thing is with one component. */
export interface Variant {
  readonly when: string;
  /** Undefined where it is not there. */
  readonly value: unknown;
}

/** @param base Undefined where only components have it. @returns Undefined when nobody has it. */
export function merged(base: unknown, variants: readonly Variant[]): { when?: string; node: Node } | undefined {
  const others = variants.filter(({ value }) => !isDeepStrictEqual(value, base));
  if (base === undefined) return added(others);
  const gone = others.filter(({ value }) => value === undefined).map(({ when }) => when);
  const node = changed(
    base,
    others.filter(({ value }) => value !== undefined),
  );
  return gone.length === 0 ? { node } : { when: gone.map(without).reduce(both), node };
}

/** Components of which an installation has one at most may each say another word or list: one entry for each. */
function apart(variants: readonly Variant[]): Variant[][] {
  const said = variants.filter(({ value }) => value !== undefined);
  if (said.some(({ value }) => isMap(value))) return [said];
  const all = [...new Set(said.map(({ value }) => JSON.stringify(value)))];
  return all.map((text) => said.filter(({ value }) => JSON.stringify(value) === text));
}

function without(when: string): string {
  return /^\(not ([.\w]+)\)$/.exec(when)?.[1] ?? `(not ${when})`;
}

export function both(one: string, other: string): string {
  return one === other ? one : `(and ${one} ${other})`;
}

/** By one component, or by several in the same way. */
function added(variants: readonly Variant[]): { when?: string; node: Node } | undefined {
  const [first, ...rest] = variants;
  if (first === undefined) return undefined;
  if (rest.some(({ value }) => !isDeepStrictEqual(value, first.value))) {
    throw new Error(`components differ in what they add: ${JSON.stringify(variants)}`);
  }
  const when = rest.reduce((all, { when: other }) => `(or ${all} ${other})`, first.when);
  return { when, node: nodeOf(first.value) };
}

function changed(base: unknown, variants: readonly Variant[]): Node {
  if (variants.length === 0) return nodeOf(base);
  const all = [base, ...variants.map(({ value }) => value)];
  if (all.every(isMap)) return ofMaps(base as Fields, variants);
  if (all.every(Array.isArray) && variants.every(({ value }) => keepsAll(base as unknown[], value as unknown[]))) {
    return ofLists(base as unknown[], variants);
  }
  return variants.reduceRight<Node>(
    (otherwise, { when, value }) => ({ kind: 'choice', when, node: nodeOf(value), otherwise }),
    nodeOf(base),
  );
}

type Fields = Readonly<Record<string, unknown>>;

function isMap(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function ofMaps(base: Fields, variants: readonly Variant[]): Node {
  const names = new Set([base, ...variants.map(({ value }) => value as Fields)].flatMap((each) => Object.keys(each)));
  const entries = [...names].sort().flatMap((key): Entry[] => {
    const own = variants.map(({ when, value }) => ({ when, value: (value as Fields)[key] }));
    const all = base[key] === undefined ? apart(own) : [own];
    return all.flatMap((some) => {
      const entry = merged(base[key], some);
      return entry === undefined ? [] : [{ key, ...entry }];
    });
  });
  return { kind: 'map', entries };
}

/** Items are known by their name, or by all that they are. */
function identityOf(item: unknown): string {
  return isMap(item) && typeof item.name === 'string' ? item.name : JSON.stringify(item);
}

/** Nothing is taken away, and what is there stays in its order. */
function keepsAll(base: readonly unknown[], list: readonly unknown[]): boolean {
  const kept = base.map(identityOf);
  return isDeepStrictEqual(
    list.map(identityOf).filter((name) => kept.includes(name)),
    kept,
  );
}

function ofLists(base: readonly unknown[], variants: readonly Variant[]): Node {
  const find = (list: unknown, name: string) => (list as unknown[]).find((item) => identityOf(item) === name);
  const items: Item[] = [];
  const place = (name: string, at: number) => {
    const item = merged(
      find(base, name),
      // A list without an item says nothing against it: only additions get here.
      variants.flatMap(({ when, value }) => {
        const found = find(value, name);
        return found === undefined ? [] : [{ when, value: found }];
      }),
    );
    if (item !== undefined) items.splice(at, 0, item);
  };
  const names = base.map(identityOf);
  for (const name of names) place(name, items.length);
  const isPlaced = new Map(names.map((name, at) => [name, at]));
  for (const { value } of variants) {
    let at = 0;
    for (const name of (value as unknown[]).map(identityOf)) {
      const known = isPlaced.get(name);
      if (known !== undefined) {
        at = known + 1;
        continue;
      }
      place(name, at);
      for (const [other, index] of isPlaced) if (index >= at) isPlaced.set(other, index + 1);
      isPlaced.set(name, at++);
    }
  }
  return { kind: 'list', items };
}
