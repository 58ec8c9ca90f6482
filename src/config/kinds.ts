/**
 * Kinds of setting values: how each is written, and what is said when it is not.
 *
 * Invariant: a kind never throws, and what it says never repeats a value that may hold a password.
 */
import { isIP } from 'node:net';

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  /** Follows the setting's name: `must be …`. */
  | { readonly ok: false; readonly problem: string };

export interface Kind<T> {
  /** What is right, for the table and for messages: `a whole number from 0 to 65535`. */
  readonly form: string;
  parse(text: string): Parsed<T>;
}

function right<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

function wrong(form: string, text?: string): { readonly ok: false; readonly problem: string } {
  // 60 characters tell an operator which line it was; a whole certificate pasted by mistake stays out of the log.
  return {
    ok: false,
    problem: `must be ${form}${text === undefined ? '' : `, not ${JSON.stringify(text.slice(0, 60))}`}`,
  };
}

/** Plain decimal digits: `1e3`, `0x10`, `1_000`, `010` and blanks are refused, because each means two things to somebody. */
const digits = /^(0|[1-9][0-9]{0,15})$/;

/** A whole number from `min` to `max`; `scale` turns the unit of the setting's name into that of the value. */
export function wholeNumber(min: number, max: number, scale = 1): Kind<number> {
  const form = `a whole number from ${min} to ${max}`;
  return {
    form,
    parse(text) {
      const number = digits.test(text) ? Number(text) : Number.NaN;
      return number >= min && number <= max ? right(number * scale) : wrong(form, text);
    },
  };
}

/** The same, or a word for a number that the machine tells. */
export function numberOr(word: string, number: () => number, kind: Kind<number>): Kind<number> {
  const form = `${kind.form}, or \`${word}\``;
  return {
    form,
    parse(text) {
      if (text === word) return right(number());
      const parsed = kind.parse(text);
      return parsed.ok ? parsed : wrong(form, text);
    },
  };
}

export function oneOf<const T extends string>(words: readonly T[]): Kind<T> {
  const form = words.length === 1 ? `\`${words[0]}\`` : `one of ${words.map((word) => `\`${word}\``).join(', ')}`;
  return {
    form,
    parse: (text) => (words.includes(text as T) ? right(text as T) : wrong(form, text)),
  };
}

export function matching(form: string, pattern: RegExp): Kind<string> {
  return { form, parse: (text) => (pattern.test(text) ? right(text) : wrong(form, text)) };
}

/** A comma list of the words, each once, or `all`. */
export function someOf<const T extends string>(words: readonly T[]): Kind<readonly T[]> {
  const form = `\`all\`, or a comma list of ${words.map((word) => `\`${word}\``).join(', ')}`;
  return {
    form,
    parse(text) {
      if (text === 'all') return right(words);
      const listed = splitList(text);
      const strangers = listed.filter((word) => !words.includes(word as T));
      return strangers.length > 0 ? wrong(form, text) : right(words.filter((word) => listed.includes(word)));
    },
  };
}

export function splitList(text: string): string[] {
  return text.split(',').map((part) => part.trim());
}

const hostname = /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;

export const host: Kind<string> = {
  form: 'an address or a host name, without port or brackets',
  parse(text) {
    return isIP(text) !== 0 || hostname.test(text) ? right(text) : wrong(this.form, text);
  },
};

/** A comma list, in lower case as they are compared. */
export const hostNames: Kind<readonly string[]> = {
  form: 'a comma list of host names such as `rt.example`, without ports',
  parse(text) {
    const listed = splitList(text);
    const stranger = listed.find((name) => !hostname.test(name));
    return stranger === undefined ? right(listed.map((name) => name.toLowerCase())) : wrong(this.form, stranger);
  },
};

/** Whether only this machine can reach a listener on `text`. */
export function isLoopback(text: string): boolean {
  return text === 'localhost' || text === '::1' || /^(::ffff:)?127\.\d+\.\d+\.\d+$/i.test(text);
}

/** A comma within a password is none between two URLs. */
const betweenUrls = /\s*,\s*(?=rediss?:)/i;

export const redisUrls: Kind<string> = {
  form: 'a URL, `redis://` or `rediss://` `[user:password@]host[:port][/database]`, or several with commas',
  parse(text) {
    // A URL is never repeated: it may carry a password, also where it does not parse.
    return text.split(betweenUrls).every(isRedisUrl) ? right(text) : wrong(this.form);
  },
};

/** How many a value of that kind has. */
export function countUrls(urls: string): number {
  return urls.split(betweenUrls).length;
}

function isRedisUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return (
    /^rediss?:$/.test(url.protocol) &&
    url.hostname !== '' &&
    /^(\/\d{0,5})?$/.test(url.pathname) &&
    url.search === '' &&
    url.hash === '' &&
    canDecode(url.username) &&
    canDecode(url.password)
  );
}

export const postgresUrl: Kind<string> = {
  form: 'a URL, `postgres://[user:password@]host[:port]/database`, with `?sslmode=…` where it wants TLS',
  parse(text) {
    // Never repeated, as above.
    if (!URL.canParse(text)) return wrong(this.form);
    const { protocol, hostname, pathname, username, password } = new URL(text);
    const isOne = /^postgres(ql)?:$/.test(protocol) && hostname !== '' && /^\/[^/]+$/.test(pathname);
    return isOne && canDecode(username) && canDecode(password) ? right(text) : wrong(this.form);
  },
};

/** `1` or `0`. */
export const yesOrNo: Kind<boolean> = {
  form: '`0` or `1`',
  parse: (text) => (text === '0' || text === '1' ? right(text === '1') : wrong('`0` or `1`', text)),
};

function canDecode(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

export const origins: Kind<'*' | readonly string[]> = {
  form: '`*`, or a comma list of origins such as `https://app.example`',
  parse(text) {
    if (text === '*') return right(text);
    const listed = splitList(text);
    // An origin is compared letter by letter with what a browser sends, so only the form a browser sends will do.
    const stranger = listed.find(
      (origin) => !/^https?:/.test(origin) || !URL.canParse(origin) || new URL(origin).origin !== origin,
    );
    return stranger === undefined ? right(listed) : wrong(this.form, stranger);
  },
};

export interface PatternRule {
  /** A channel name in which `*` stands for any characters. */
  readonly pattern: string;
}

export interface DayRule extends PatternRule {
  readonly days: number;
}

const DAYS_MAX = 36_600;

export const dayRules: Kind<readonly DayRule[]> = {
  form: `a comma list of \`pattern=days\`, days from 0 to ${DAYS_MAX}`,
  parse(text) {
    return patternRules(text, this.form, (word, pattern) =>
      digits.test(word) && Number(word) <= DAYS_MAX ? { pattern, days: Number(word) } : undefined,
    );
  },
};

export interface ReducerRule<Name extends string> extends PatternRule {
  readonly reducer: Name;
}

export function reducerRules<const Name extends string>(names: readonly Name[]): Kind<readonly ReducerRule<Name>[]> {
  const form = `a comma list of \`pattern=reducer\`, reducers are ${names.map((name) => `\`${name}\``).join(', ')}`;
  return {
    form,
    parse: (text) =>
      patternRules(text, form, (word, pattern) => {
        const reducer = names.find((known) => known === word);
        return reducer && { pattern, reducer };
      }),
  };
}

/** A comma list `pattern=word`; a rule that no channel can reach is refused, because its author meant something by it. */
function patternRules<Rule extends PatternRule>(
  text: string,
  form: string,
  ruleOf: (word: string, pattern: string) => Rule | undefined,
): Parsed<readonly Rule[]> {
  const rules: Rule[] = [];
  for (const part of splitList(text)) {
    const [pattern = '', word = '', ...rest] = part.split('=');
    const rule = ruleOf(word, pattern);
    if (!/^[A-Za-z0-9._*-]{1,64}$/.test(pattern) || rule === undefined || rest.length > 0) return wrong(form, part);
    const first = rules.find((known) => known.pattern === '*' || known.pattern === pattern);
    if (first !== undefined) {
      return { ok: false, problem: `never reaches ${JSON.stringify(part)}: \`${first.pattern}\` comes first` };
    }
    rules.push(rule);
  }
  return right(rules);
}
