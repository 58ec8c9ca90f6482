/**
 * The command line: every setting is an option too, `--max-streams 100` for `MAX_STREAMS=100`, and an option beats a variable.
 *
 * Invariant: what is not understood is refused, and never repeated but for an option's name: its value may be a password.
 */
import { nearest } from './names.ts';
import { settings } from './schema.ts';
import type { Setting } from './setting.ts';

export type CommandLine =
  /** `given` as the environment would have it. */
  | { readonly kind: 'run'; readonly given: Readonly<Record<string, string>> }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  /** One sentence each, for the operator. */
  | { readonly kind: 'wrong'; readonly problems: readonly string[] };

const SEE_HELP = 'see --help';
const all = Object.values(settings as Record<string, Setting<unknown>>);
const names = all.map(({ name }) => name);
const optionPattern = /^--([a-z][a-z0-9-]{0,40})(?:=([\s\S]*))?$/;

/** `MAX_STREAMS` → `--max-streams`. */
export function optionFor(name: string): string {
  return `--${name.toLowerCase().replaceAll('_', '-')}`;
}

/** @param words What follows the program's name. */
export function readCommandLine(words: readonly string[]): CommandLine {
  // Whoever asks wants an answer, whatever else is there.
  if (words.some((word) => word === '--help' || word === '-h')) return { kind: 'help' };
  if (words.some((word) => word === '--version' || word === '-v')) return { kind: 'version' };
  const given: Record<string, string> = {};
  const problems: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const [, option, joined] = optionPattern.exec(words[i]!) ?? [];
    if (option === undefined) {
      problems.push(`word ${i + 1} of the command line is not an option: ${SEE_HELP}`);
      continue;
    }
    const name = option.toUpperCase().replaceAll('-', '_');
    // Also of an unknown option the next word is the value, or it would be a problem of its own.
    const hasNext = joined === undefined && words[i + 1] !== undefined && !words[i + 1]!.startsWith('--');
    const value = joined ?? (hasNext ? words[++i] : undefined);
    if (!names.includes(name)) {
      const meant = nearest(name, names);
      problems.push(
        `--${option} is not an option${meant === undefined ? `: ${SEE_HELP}` : `; did you mean ${optionFor(meant)}?`}`,
      );
    } else if (value === undefined || value === '') {
      problems.push(`--${option} needs a value, as in --${option} VALUE`);
    } else if (name in given) {
      problems.push(`--${option} is there twice`);
    } else {
      given[name] = value;
    }
  }
  return problems.length === 0 ? { kind: 'run', given } : { kind: 'wrong', problems };
}

/** A problem of a setting, told by the name under which it was given. */
export function toldAsGiven(problem: string, given: Readonly<Record<string, string>>): string {
  return problem.replace(/^[A-Z][A-Z0-9_]*/, (name) => (name in given ? optionFor(name) : name));
}

/** What `--help` prints. */
export function helpText(): string {
  const plain = (markdown: string) => markdown.replaceAll('`', '');
  const options = all.map(
    ({ name, default: unset, kind, sentence }) =>
      `  ${optionFor(name)}\n      ${plain(sentence)}\n      ${plain(kind.form)}; default: ${plain(unset)}`,
  );
  return `smallchange: realtime over plain HTTP, one byte up by POST, every byte down by SSE

Usage: smallchange [--option value]...

Each option is a setting, and each can be set by the environment too: --port 8080 or PORT=8080. The option wins.
Secrets belong into the environment: everybody on the machine can read a command line.

${options.join('\n')}
  --help, -h
  --version, -v
`;
}
