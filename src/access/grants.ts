/**
 * Grants: what a token says that its bearer may do, and with which channels. Lists unite, their order is no matter, and nothing in
 * them denies.
 *
 * An entry is the exact name of a channel, or a name up to and with a `.` and then `*` for at least one more character, or `*` alone:
 * `user.1*` would open `user.10`. Nothing that a client chose is ever part of a pattern.
 */
import { isChannel } from '../domain/channel.ts';

/** Entries of a list: more is a list of something else, and each takes a moment of each request. */
const ENTRIES_MAX = 100;

/** As a channel, and its last is a dot. With one character more it has 64 at most. */
const prefixPattern = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61})?\.\*$/;
const namePattern = /^[A-Za-z0-9_-]{1,40}$/;

export class ChannelList {
  readonly #exact: ReadonlySet<string>;
  /** Each ends with a dot. */
  readonly #prefixes: readonly string[];
  readonly #all: boolean;

  constructor(entries: readonly string[]) {
    this.#all = entries.includes('*');
    this.#prefixes = entries.filter((entry) => entry.endsWith('.*')).map((entry) => entry.slice(0, -1));
    this.#exact = new Set(entries.filter(isChannel));
  }

  get isEmpty(): boolean {
    return !this.#all && this.#exact.size === 0 && this.#prefixes.length === 0;
  }

  /** Which make the same list again. */
  get entries(): string[] {
    return [...this.#exact, ...this.#prefixes.map((prefix) => `${prefix}*`), ...(this.#all ? ['*'] : [])];
  }

  has(channel: string): boolean {
    if (this.#all || this.#exact.has(channel)) return true;
    for (const prefix of this.#prefixes) {
      if (channel.length > prefix.length && channel.startsWith(prefix)) return true;
    }
    return false;
  }
}

export interface Grants {
  readonly publish: ChannelList;
  readonly subscribe: ChannelList;
  /** The same as `subscribe` where nothing was said of it. */
  readonly history: ChannelList;
  /** That it may put into `from`, as far as they were said. */
  readonly names: readonly string[];
  /** What it is called, if that was said; the first of the names. */
  readonly name: string | undefined;
}

/** A name as `from` has it. */
export function isName(text: string): boolean {
  return namePattern.test(text);
}

/** An entry of a list of channels. */
export function isEntry(value: unknown): value is string {
  return typeof value === 'string' && (value === '*' || isChannel(value) || prefixPattern.test(value));
}

/** @returns What is wrong instead, for whoever issues it: one wrong entry, and nothing is granted. */
export function parseGrants(value: unknown): Grants | string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'it is no object';
  const lists: Record<string, ChannelList> = {};
  for (const right of ['publish', 'subscribe', 'history', 'presence']) {
    const entries = ownOf(value, right);
    if (entries === undefined) continue;
    if (!isListOf(entries, isEntry))
      return `${right} is no list of channels, \`name.*\` or \`*\`, ${ENTRIES_MAX} at most`;
    lists[right] = new ChannelList(entries);
  }
  const name = ownOf(value, 'name');
  if (name !== undefined && !(typeof name === 'string' && isName(name)))
    return 'name is not 1 to 40 of A–Z a–z 0–9 _ -';
  const names = ownOf(value, 'names') ?? [];
  if (!isListOf(names, (each): each is string => typeof each === 'string' && isName(each))) {
    return `names are not each 1 to 40 of A–Z a–z 0–9 _ -, ${ENTRIES_MAX} at most`;
  }
  const none = new ChannelList([]);
  const subscribe = lists.subscribe ?? none;
  return { publish: lists.publish ?? none, subscribe, history: lists.history ?? subscribe, names, name };
}

function isListOf<T>(value: unknown, isOne: (each: unknown) => each is T): value is T[] {
  return Array.isArray(value) && value.length <= ENTRIES_MAX && value.every(isOne);
}

/** What an object of a stranger's says itself, not what every object has. */
export function ownOf(of: object, name: string): unknown {
  return Object.hasOwn(of, name) ? (of as Record<string, unknown>)[name] : undefined;
}
