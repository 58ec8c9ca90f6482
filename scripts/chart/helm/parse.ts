/**
 * The template language of Helm charts (Go's text/template), as much of it as our chart uses: text, actions with trimmed space,
 * `if`, `with`, `range`, `define`, variables, pipelines. @throws for all else.
 */
export type Operand =
  | { readonly kind: 'literal'; readonly value: unknown }
  /** `.a.b`, or `$name.a.b` where a variable is named; `.` alone has no names. */
  | { readonly kind: 'field'; readonly variable?: string; readonly names: readonly string[] }
  | { readonly kind: 'call'; readonly name: string }
  | { readonly kind: 'pipeline'; readonly pipeline: Pipeline };

export interface Pipeline {
  /** The variables that it sets. */
  readonly names: readonly string[];
  readonly commands: readonly (readonly Operand[])[];
}

export type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly pipeline: Pipeline }
  | { readonly kind: 'block'; readonly word: 'if' | 'with' | 'range'; readonly branches: readonly Branch[] }
  | { readonly kind: 'define'; readonly name: string; readonly parts: readonly Part[] };

/** An `else` without a condition has no pipeline. */
export interface Branch {
  readonly pipeline?: Pipeline;
  readonly parts: readonly Part[];
}

type Piece = { readonly text: string } | { readonly action: string };

export function parse(source: string): Part[] {
  const pieces = piecesOf(source);
  const { parts, end } = partsOf(pieces, 0);
  if (end < pieces.length) throw new Error(`an end without a beginning: ${JSON.stringify(pieces[end])}`);
  return parts;
}

function piecesOf(source: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let isTrimmed = false;
  const take = (text: string, trimsEnd: boolean) => {
    const start = isTrimmed ? text.trimStart() : text;
    pieces.push({ text: trimsEnd ? start.trimEnd() : start });
  };
  // Within quotes braces are text.
  for (const found of source.matchAll(/\{\{(- )?((?:"(?:\\.|[^"\\])*"|`[^`]*`|(?! -\}\}|\}\})[\s\S])*)( -)?\}\}/g)) {
    take(source.slice(at, found.index), found[1] !== undefined);
    const action = found[2]!.trim();
    if (!/^\/\*[\s\S]*\*\/$/.test(action)) pieces.push({ action });
    isTrimmed = found[3] !== undefined;
    at = found.index + found[0].length;
  }
  take(source.slice(at), false);
  return pieces;
}

/** Until an action that belongs to who called. */
function partsOf(pieces: readonly Piece[], from: number): { parts: Part[]; end: number } {
  const parts: Part[] = [];
  let at = from;
  while (at < pieces.length) {
    const piece = pieces[at]!;
    if ('text' in piece) {
      if (piece.text !== '') parts.push({ kind: 'text', text: piece.text });
      at++;
      continue;
    }
    const [, word = '', rest = ''] = /^(if|with|range|define|else|end)\b\s*([\s\S]*)$/.exec(piece.action) ?? [];
    if (word === 'else' || word === 'end') break;
    if (word === 'define') {
      const body = partsOf(pieces, at + 1);
      parts.push({ kind: 'define', name: JSON.parse(rest) as string, parts: body.parts });
      at = expectEnd(pieces, body.end);
    } else if (word === '') {
      parts.push({ kind: 'action', pipeline: pipelineOf(piece.action) });
      at++;
    } else {
      const { branches, end } = branchesOf(pieces, at + 1, pipelineOf(rest));
      parts.push({ kind: 'block', word: word as 'if', branches });
      at = end;
    }
  }
  return { parts, end: at };
}

function branchesOf(pieces: readonly Piece[], from: number, first: Pipeline): { branches: Branch[]; end: number } {
  const branches: Branch[] = [];
  let pipeline: Pipeline | undefined = first;
  let at = from;
  for (;;) {
    const { parts, end } = partsOf(pieces, at);
    branches.push({ ...(pipeline && { pipeline }), parts });
    const piece = pieces[end];
    if (piece === undefined || 'text' in piece) throw new Error('a block without its end');
    if (piece.action === 'end') return { branches, end: end + 1 };
    const condition = /^else\s+if\s+([\s\S]*)$/.exec(piece.action)?.[1];
    pipeline = condition === undefined ? undefined : pipelineOf(condition);
    at = end + 1;
  }
}

function expectEnd(pieces: readonly Piece[], at: number): number {
  const piece = pieces[at];
  if (piece === undefined || !('action' in piece) || piece.action !== 'end')
    throw new Error('a define without its end');
  return at + 1;
}

const token =
  /\s*(?:("(?:\\.|[^"\\])*")|`([^`]*)`|(-?\d+(?:\.\d+)?)|(:=|[|(),=])|(\$\w*(?:\.\w+)*)|((?:\.\w+)+|\.)|([A-Za-z]\w*))/y;

function pipelineOf(text: string): Pipeline {
  const words = wordsOf(text);
  let at = 0;
  const pipeline = (): Pipeline => {
    const names: string[] = [];
    const sets = words.findIndex(({ sign }) => sign === ':=' || sign === '=');
    if (at === 0 && sets > 0) {
      for (const { operand } of words.slice(0, sets)) {
        if (operand?.kind === 'field' && operand.variable !== undefined) names.push(operand.variable);
      }
      at = sets + 1;
    }
    const commands: Operand[][] = [[]];
    for (; at < words.length && words[at]!.sign !== ')'; at++) {
      const { sign, operand } = words[at]!;
      if (operand) commands.at(-1)!.push(operand);
      else if (sign === '|') commands.push([]);
      else if (sign === '(') {
        at++;
        commands.at(-1)!.push({ kind: 'pipeline', pipeline: pipeline() });
      } else throw new Error(`${sign} in ${text}`);
    }
    return { names, commands };
  };
  const whole = pipeline();
  if (at < words.length) throw new Error(`brackets of ${text}`);
  return whole;
}

function wordsOf(text: string): { sign?: string; operand?: Operand }[] {
  const words: { sign?: string; operand?: Operand }[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < text.trimEnd().length) {
    const from = token.lastIndex;
    const found = token.exec(text);
    if (found === null) throw new Error(`not understood: ${text.slice(from)}`);
    words.push(wordOf(found));
  }
  return words;
}

function wordOf([, quoted, raw, number, sign, variable, field, name]: RegExpExecArray): {
  sign?: string;
  operand?: Operand;
} {
  if (sign !== undefined) return { sign };
  if (quoted !== undefined) return { operand: { kind: 'literal', value: JSON.parse(quoted) as unknown } };
  if (raw !== undefined) return { operand: { kind: 'literal', value: raw } };
  if (number !== undefined) return { operand: { kind: 'literal', value: Number(number) } };
  if (variable !== undefined) {
    const [first, ...names] = variable.split('.');
    return { operand: { kind: 'field', variable: first!, names } };
  }
  if (field !== undefined) return { operand: { kind: 'field', names: field.split('.').filter((each) => each !== '') } };
  if (name === 'true' || name === 'false') return { operand: { kind: 'literal', value: name === 'true' } };
  return { operand: { kind: 'call', name: name! } };
}
