/** A node as text: YAML, with what the template language has to say between its lines. */
import { stringify } from 'yaml';
import type { Entry, Item, Node } from './node.ts';

/** @param depth Of the lines, in spaces. @returns Whole lines, each with its end. */
export function linesOf(node: Node, depth: number): string {
  switch (node.kind) {
    case 'map':
      return `${node.entries.map((entry) => under(entry.when, depth, entryLines(entry, depth))).join('')}${further(node.more, depth)}`;
    case 'list':
      return listLines(node.items, node.more, depth);
    case 'settings':
      return settingsLines(node.entries, node.value, depth);
    default:
      throw new Error(`${node.kind} has no lines of its own`);
  }
}

function under(when: string | undefined, depth: number, lines: string): string {
  return when === undefined ? lines : `${line(depth, `{{- if ${bare(when)} }}`)}${lines}${line(depth, '{{- end }}')}`;
}

/** Without brackets around all of it. */
function bare(when: string): string {
  return /^\([^()]*\)$/.test(when) ? when.slice(1, -1) : when;
}

function line(depth: number, text: string): string {
  return `${' '.repeat(depth)}${text}\n`;
}

function entryLines({ key, node }: Entry, depth: number): string {
  const name = /^[\w./-]+$/.test(key) ? key : JSON.stringify(key);
  return valueLines(`${name}:`, node, depth);
}

function listLines(items: readonly Item[], more: string | undefined, depth: number): string {
  const given = items.map(({ when, node }) => under(when, depth, itemLines(node, depth))).join('');
  return `${given}${further(more, depth)}`;
}

function further(more: string | undefined, depth: number): string {
  if (more === undefined) return '';
  const lines = [`{{- with ${more} }}`, `{{- toYaml . | nindent ${depth} }}`, '{{- end }}'];
  return lines.map((each) => line(depth, each)).join('');
}

function itemLines(node: Node, depth: number): string {
  if (node.kind !== 'map') return valueLines('-', node, depth);
  const [first, ...rest] = [...node.entries].sort(
    (a, b) => Number(a.when !== undefined) - Number(b.when !== undefined),
  );
  if (first === undefined || first.when !== undefined) throw new Error('an item that may be empty');
  const head = entryLines(first, depth + 2);
  return `${' '.repeat(depth)}- ${head.slice(depth + 2)}${linesOf({ kind: 'map', entries: rest }, depth + 2)}`;
}

/** @param head What the value belongs to: `name:` or `-`. */
function valueLines(head: string, node: Node, depth: number): string {
  switch (node.kind) {
    case 'scalar':
      return scalarLines(head, node.value, depth);
    case 'expression':
      return line(depth, `${head} ${node.text}`);
    case 'text':
      return block(
        head,
        node.parts.map((part) => (typeof part === 'string' ? escaped(part) : `{{ ${part.expression} }}`)).join(''),
        depth,
      );
    case 'choice':
      return [
        line(depth, `{{- if ${bare(node.when)} }}`),
        valueLines(head, node.node, depth),
        line(depth, '{{- else }}'),
        valueLines(head, node.otherwise, depth),
        line(depth, '{{- end }}'),
      ].join('');
    case 'yaml':
      return `${line(depth, head)}${line(depth + 2, `{{- toYaml ${node.value} | nindent ${depth + 2} }}`)}`;
    case 'instead':
      return [
        line(depth, `{{- if ${node.value} }}`),
        line(depth, head),
        line(depth + 2, `{{- toYaml ${node.value} | nindent ${depth + 2} }}`),
        line(depth, '{{- else }}'),
        valueLines(head, node.otherwise, depth),
        line(depth, '{{- end }}'),
      ].join('');
    case 'settings':
      return `${line(depth, head)}${settingsLines(node.entries, node.value, depth + 2)}`;
    case 'list':
      if (node.items.length === 0 && node.more === undefined) return line(depth, `${head} []`);
      return `${line(depth, head)}${listLines(node.items, node.more, depth + 2)}`;
    case 'map':
      if (node.entries.length === 0) return line(depth, `${head} {}`);
      return `${line(depth, head)}${linesOf(node, depth + 2)}`;
  }
}

function scalarLines(head: string, value: string | number | boolean | null, depth: number): string {
  if (typeof value === 'string' && value.includes('\n')) return block(head, escaped(value), depth);
  return line(depth, `${head} ${escaped(stringify(value, { lineWidth: 0, defaultStringType: 'PLAIN' }).trimEnd())}`);
}

/** Braces that are not ours: of dashboards, and of alerts. */
function escaped(text: string): string {
  return text.replaceAll('{{', '{{ "{{" }}');
}

function block(head: string, text: string, depth: number): string {
  const keeps = text.endsWith('\n\n') ? '+' : text.endsWith('\n') ? '' : '-';
  const indicator = text.startsWith(' ') ? '2' : '';
  const lines = text.replace(/\n$/, '').split('\n');
  const shown = lines.map((each) => (each === '' ? '\n' : line(depth + 2, each))).join('');
  return `${line(depth, `${head} |${indicator}${keeps}`)}${shown}`;
}

/** The defaults as a `dict`, the user's over them; numbers and truths of the user's become text. */
function settingsLines(entries: readonly Entry[], value: string, depth: number): string {
  const pairs = (some: readonly Entry[]) =>
    some.map(({ key, node }) => `${JSON.stringify(key)} ${JSON.stringify(textOf(node))}`).join(' ');
  const always = entries.filter(({ when }) => when === undefined);
  const conditional = entries.filter(({ when }) => when !== undefined);
  return [
    line(depth, `{{- $defaults := dict ${pairs(always)} }}`),
    ...conditional.flatMap((entry) => [
      line(depth, `{{- if ${bare(entry.when!)} }}`),
      line(depth, `{{- $_ := set $defaults ${pairs([entry])} }}`),
      line(depth, '{{- end }}'),
    ]),
    line(depth, `{{- range $name, $value := mergeOverwrite $defaults ${value} }}`),
    line(depth, '{{ $name }}: {{ include "smallchange.text" $value | quote }}'),
    line(depth, '{{- end }}'),
  ].join('');
}

function textOf(node: Node): string {
  if (node.kind !== 'scalar') throw new Error('a setting that is no text');
  return String(node.value);
}
