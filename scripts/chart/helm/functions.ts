/** The functions of Helm, Sprig and Go that our chart calls, as their documentation has them. */
import { createHash } from 'node:crypto';
import { stringify } from 'yaml';

type Function = (...words: never[]) => unknown;
type Fields = Record<string, unknown>;

/** What a condition takes for no. */
export function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === 0 || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** As Go prints a value: a number that came as YAML is a float, and a large one is shown with its exponent. */
export function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'number' && Math.abs(value) >= 1e21) return value.toExponential();
  return String(value);
}

const isMap = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Deep; what is empty in the one that is written to is no value. */
function merge(target: Fields, ...others: Fields[]): Fields {
  for (const other of others) {
    for (const [key, value] of Object.entries(other ?? {})) {
      if (isMap(target[key]) && isMap(value)) merge(target[key], value);
      else if (isEmpty(target[key])) target[key] = structuredClone(value);
    }
  }
  return target;
}

function mergeOverwrite(target: Fields, ...others: Fields[]): Fields {
  for (const other of others) {
    for (const [key, value] of Object.entries(other ?? {})) {
      if (isMap(target[key]) && isMap(value)) mergeOverwrite(target[key], value);
      else target[key] = structuredClone(value);
    }
  }
  return target;
}

function indent(spaces: number, text: string): string {
  return text.replaceAll(/^/gm, ' '.repeat(spaces));
}

export const functions: Readonly<Record<string, Function>> = {
  and: (...values: unknown[]) => values.find(isEmpty) ?? (values.some(isEmpty) ? false : values.at(-1)),
  or: (...values: unknown[]) => values.find((value) => !isEmpty(value)) ?? values.at(-1),
  not: (value: unknown) => isEmpty(value),
  eq: (one: unknown, ...others: unknown[]) => others.some((other) => other === one),
  default: (otherwise: unknown, value?: unknown) => (isEmpty(value) ? otherwise : value),
  dict: (...pairs: unknown[]) =>
    Object.fromEntries(pairs.flatMap((key, at) => (at % 2 === 0 ? [[String(key), pairs[at + 1]]] : []))),
  list: (...values: unknown[]) => values,
  index: (from: unknown, ...keys: (string | number)[]) =>
    keys.reduce<unknown>((value, key) => (value as Fields)[key], from),
  set: (map: Fields, key: string, value: unknown) => Object.assign(map, { [key]: value }),
  merge,
  mergeOverwrite,
  toYaml: (value: unknown) => stringify(value, { lineWidth: 0 }).trimEnd(),
  quote: (value: unknown) => (value === undefined || value === null ? '' : JSON.stringify(textOf(value))),
  nindent: (spaces: number, text: string) => `\n${indent(spaces, text)}`,
  indent,
  kindIs: (kind: string, value: unknown) => kind === kindOf(value),
  int64: (value: number) => Math.trunc(value),
  div: (one: number, other: number) => Math.trunc(one / other),
  b64enc: (text: string) => Buffer.from(text).toString('base64'),
  sha256sum: (text: string) => createHash('sha256').update(text).digest('hex'),
  print: (...values: unknown[]) => values.map(textOf).join(''),
  required: (message: string, value?: unknown) => {
    if (value === undefined || value === null || value === '') throw new Error(message);
    return value;
  },
};

/** As Go names it. */
function kindOf(value: unknown): string {
  if (value === undefined || value === null) return 'invalid';
  if (Array.isArray(value)) return 'slice';
  return { number: 'float64', boolean: 'bool', object: 'map' }[typeof value as 'number'] ?? typeof value;
}
