/** Executes a parsed template, as Go's text/template does it. */
import { functions, isEmpty, textOf } from './functions.ts';
import type { Operand, Part, Pipeline } from './parse.ts';

/** By name: those that are defined, and the files. */
export type Templates = Map<string, readonly Part[]>;

class Scope {
  readonly #values = new Map<string, unknown>();
  readonly #outer: Scope | undefined;

  constructor(outer?: Scope) {
    this.#outer = outer;
  }

  get(name: string): unknown {
    if (this.#values.has(name)) return this.#values.get(name);
    if (this.#outer === undefined) throw new Error(`no variable ${name}`);
    return this.#outer.get(name);
  }

  set(name: string, value: unknown): void {
    this.#values.set(name, value);
  }
}

/** @param root What `.` and `$` are. @throws for a function or a template that there is not, and for a field of nothing. */
export function execute(parts: readonly Part[], root: unknown, templates: Templates): string {
  const outermost = new Scope();
  outermost.set('$', root);

  function run(some: readonly Part[], dot: unknown, scope: Scope): string {
    return some
      .map((part) => {
        if (part.kind === 'text') return part.text;
        if (part.kind === 'define') return '';
        if (part.kind === 'action') {
          const value = evaluate(part.pipeline, dot, scope);
          return part.pipeline.names.length > 0 ? '' : textOf(value);
        }
        return block(part, dot, scope);
      })
      .join('');
  }

  function block({ word, branches }: Extract<Part, { readonly kind: 'block' }>, dot: unknown, outer: Scope): string {
    for (const { pipeline, parts: body } of branches) {
      const scope = new Scope(outer);
      if (pipeline === undefined) return run(body, dot, scope);
      const value = evaluate(pipeline, dot, scope);
      if (isEmpty(value)) continue;
      if (word !== 'range') return run(body, word === 'with' ? value : dot, scope);
      // Maps by the order of their keys.
      const items = Array.isArray(value) ? [...value.entries()] : Object.entries(value as object).sort(byKey);
      return items
        .map(([key, item]) => {
          const each = new Scope(scope);
          const { names } = pipeline;
          if (names.length > 0) each.set(names.at(-1)!, item);
          if (names.length > 1) each.set(names[0]!, key);
          return run(body, item, each);
        })
        .join('');
    }
    return '';
  }

  function evaluate({ names, commands }: Pipeline, dot: unknown, scope: Scope): unknown {
    let value: unknown;
    for (const [at, [first, ...rest]] of commands.entries()) {
      const words = rest.map((word) => operand(word, dot, scope));
      if (at > 0) words.push(value);
      if (first?.kind === 'call') value = call(first.name, words);
      else if (words.length === 0 && first !== undefined) value = operand(first, dot, scope);
      else throw new Error('a value is called');
    }
    for (const name of names) scope.set(name, value);
    return value;
  }

  function operand(word: Operand, dot: unknown, scope: Scope): unknown {
    switch (word.kind) {
      case 'literal':
        return word.value;
      case 'pipeline':
        return evaluate(word.pipeline, dot, scope);
      case 'call':
        return call(word.name, []);
      case 'field':
        return word.names.reduce<unknown>(
          (value, name) => {
            if (value === undefined || value === null) throw new Error(`${name} of nothing: ${word.names.join('.')}`);
            return (value as Record<string, unknown>)[name];
          },
          word.variable === undefined ? dot : scope.get(word.variable),
        );
    }
  }

  function call(name: string, words: readonly unknown[]): unknown {
    if (name === 'include') {
      const [template, dot] = words as [string, unknown];
      const found = templates.get(template);
      if (found === undefined) throw new Error(`no template ${template}`);
      return execute(found, dot, templates);
    }
    const found = functions[name];
    if (found === undefined) throw new Error(`no function ${name}`);
    return found(...(words as never[]));
  }

  return run(parts, root, outermost);
}

function byKey([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : 1;
}
