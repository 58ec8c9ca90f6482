/**
 * A page as a reader at a terminal takes it: each fenced `sh` block is typed, and the block behind it is what is seen then.
 *
 * Invariant: nothing on the page is passed over. A block of another language, an answer without a command, or a fence that is not
 * closed is a fault of the page.
 */
export interface Step {
  /** The line of the page that the commands begin in. */
  readonly line: number;
  readonly command: string;
  /** What is seen after it, empty where the page shows nothing. */
  readonly answer: string;
  /** `runs`: the command goes on in its terminal; `stopped`: the reader ends all that run, by ^C. */
  readonly then: 'ends' | 'runs' | 'stopped';
}

const FENCE = /^```(.*)$/;
/** The last line of an answer, where the command does not end by itself. */
const LAST: Readonly<Record<string, 'runs' | 'stopped'>> = { '…': 'runs', '^C': 'stopped' };

interface Block {
  readonly line: number;
  readonly language: string;
  readonly lines: string[];
}

/** @throws {Error} that names the line of what is no page of commands and answers. */
export function stepsOf(page: string): Step[] {
  const steps: Step[] = [];
  let command: Block | undefined;
  for (const block of blocksOf(page)) {
    if (block.language === 'sh') {
      if (command !== undefined) steps.push(stepOf(command, []));
      command = block;
    } else if (block.language === '' && command !== undefined) {
      steps.push(stepOf(command, block.lines));
      command = undefined;
    } else {
      throw new Error(`line ${block.line}: neither a block of sh nor the answer to one`);
    }
  }
  if (command !== undefined) steps.push(stepOf(command, []));
  return steps;
}

function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  let open: Block | undefined;
  for (const [i, text] of page.split('\n').entries()) {
    const language = FENCE.exec(text)?.[1];
    if (language === undefined) open?.lines.push(text);
    else if (open !== undefined) open = undefined;
    else {
      open = { line: i + 1, language, lines: [] };
      blocks.push(open);
    }
  }
  if (open !== undefined) throw new Error(`line ${open.line}: a block that does not end`);
  return blocks;
}

function stepOf({ line, lines }: Block, answer: readonly string[]): Step {
  const then = LAST[answer.at(-1) ?? ''] ?? 'ends';
  const shown = then === 'ends' ? answer : answer.slice(0, -1);
  return { line, command: lines.join('\n'), answer: shown.map((text) => `${text}\n`).join(''), then };
}
