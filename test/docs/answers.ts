/**
 * What a page says is seen, compared with what is. Of three things nobody can know beforehand what they will be:
 *
 *   `<word>` in an answer is any one word; `…` is anything up to where the line goes on;
 *   a cursor, such as `k3v9qa.1`, has another beginning on every server: the page's is bound to the one that was seen in its place,
 *   must be the same from then on, and stands for it in commands. What is behind the dot is as the page says.
 */

/** The beginning of a cursor, of one channel or of several, as a page writes it: with a digit in it, or it might be a word. */
const CURSOR = String.raw`\b((?=[a-z]*\d)(?:[0-9a-z]{8}|[0-9a-z]{6}))(?=\.[0-9a-z])`;
const TOKEN = new RegExp(String.raw`${CURSOR}|<[a-z ]+>|…|[\\^$.*+?()[\]{}|]`, 'g');

const ANY_WORD = String.raw`[^\s",]+`;
const ANYTHING = String.raw`[^\n]*?`;

export class Answers {
  /** By the beginning of a cursor as the page has it: as the server has it. */
  readonly #seen = new Map<string, string>();

  /** @throws {Error} where the command has a cursor that no answer before it has shown. */
  commandOf(command: string): string {
    return command.replaceAll(new RegExp(CURSOR, 'g'), (shown) => {
      const seen = this.#seen.get(shown);
      if (seen === undefined) throw new Error(`no answer before it has a cursor ${shown}`);
      return seen;
    });
  }

  /** Whether this is what is seen, the whole of it, but for a last line that does not end. Then the cursors in it are known. */
  fits(answer: string, seen: string): boolean {
    const made: string[] = [];
    const pattern = answer.replaceAll(TOKEN, (token, cursor?: string) => {
      if (cursor !== undefined) return this.#patternOf(cursor, made);
      if (token === '…') return ANYTHING;
      return token.length > 1 ? ANY_WORD : `\\${token}`;
    });
    const whole = seen === '' || seen.endsWith('\n') ? seen : `${seen}\n`;
    const found = new RegExp(`^${pattern}$`).exec(whole);
    if (found === null) return false;
    for (const [i, shown] of made.entries()) this.#seen.set(shown, found[i + 1]!);
    return true;
  }

  #patternOf(shown: string, made: string[]): string {
    const known = this.#seen.get(shown);
    if (known !== undefined) return known;
    if (made.includes(shown)) return `\\${made.indexOf(shown) + 1}`;
    made.push(shown);
    return `([0-9a-z]{${shown.length}})`;
  }
}
