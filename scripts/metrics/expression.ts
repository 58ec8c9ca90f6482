/** Which series a PromQL expression asks for, and by which labels; as much of its grammar as that takes. */
export interface Asked {
  readonly series: string;
  /** Label → the text it is compared with, and how: `=`, `!=`, `=~` or `!~`. */
  readonly matchers: readonly { readonly label: string; readonly operator: string; readonly value: string }[];
}

/** Ours and those of Node.js processes. */
const OURS = /smallchange|process|nodejs/;
const matcher = /(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g;

export function askedBy(expression: string): Asked[] {
  return askedFor(expression, OURS);
}

/** @param families What the names of the series begin with, before the first `_`. */
export function askedFor(expression: string, families: RegExp): Asked[] {
  const series = new RegExp(`\\b((?:${families.source})_\\w+)(?:\\{([^}]*)\\})?`, 'g');
  return Array.from(expression.matchAll(series), ([, name, inner = '']) => ({
    series: name!,
    matchers: Array.from(inner.matchAll(matcher), ([, label, operator, value]) => ({
      label: label!,
      operator: operator!,
      value: value!,
    })),
  }));
}
