/** Which series a PromQL expression asks for, and by which labels; as much of its grammar as that takes. */
export interface Asked {
  readonly series: string;
  /** Label → the text it is compared with, and how: `=`, `!=`, `=~` or `!~`. */
  readonly matchers: readonly { readonly label: string; readonly operator: string; readonly value: string }[];
}

/** Only series of ours and of Node.js processes: those of others are not ours to know. */
const series = /\b((?:smallchange|process|nodejs)_\w+)(?:\{([^}]*)\})?/g;
const matcher = /(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g;

export function askedBy(expression: string): Asked[] {
  return Array.from(expression.matchAll(series), ([, name, inner = '']) => ({
    series: name!,
    matchers: Array.from(inner.matchAll(matcher), ([, label, operator, value]) => ({
      label: label!,
      operator: operator!,
      value: value!,
    })),
  }));
}
