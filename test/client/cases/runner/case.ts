/** What a case file says: what the server does, what the client is told to do, and what must be seen. docs/writing-a-client.md explains it. */
import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** What not every client has; a case that needs it is left out for those that have not. */
export type Ability = 'batch' | 'joined' | 'poll' | 'since' | 'token';

/** Bytes as base64 where they are no text. */
export type Content = string | { readonly b64: string };

export interface Frame {
  readonly frame: string;
  readonly data: unknown;
  readonly id?: string;
  readonly retry?: number;
}

export interface EventStep {
  /** Id and data, of a channel where there are several. */
  readonly event: readonly [string, Content, string?];
}

export interface SyncStep {
  /** `$sync`, with all that it tells; the same status for each channel unless `channels` is there. */
  readonly sync: { readonly status: string; readonly id?: string; readonly retry?: number } & Record<string, unknown>;
}

/** How many there must have been before it goes on. */
export type Counts = Partial<Record<'streams' | 'posts' | 'heard', number>>;

export type StreamStep =
  | 'cut'
  | 'end'
  | 'log'
  | SyncStep
  | EventStep
  | Frame
  | { readonly bytes: string }
  | { readonly waitMs: number }
  | { readonly until: Counts }
  | { readonly poll: Record<string, unknown> };

/** An answer that is no stream. `problem` is the code of one. */
export interface PlainAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly problem?: string;
}

export interface Wire {
  readonly eol?: 'lf' | 'crlf' | 'cr';
  readonly bom?: boolean;
  /** So many bytes at a time. */
  readonly chunk?: number;
  /** JSON over several lines. */
  readonly lines?: boolean;
}

export type StreamAnswer =
  | readonly StreamStep[]
  | PlainAnswer
  | 'cut'
  | (Wire & { readonly steps: readonly StreamStep[] });
/** A number is a status; `silent` never answers, `cut` closes the connection, `half` in the middle of the answer's head. */
export type PostAnswer = number | 'silent' | 'cut' | 'half' | (PlainAnswer & { readonly waitMs?: number });

export type ClientStep =
  | 'close'
  | { readonly subscribe: string | readonly string[]; readonly since?: string }
  | { readonly publish: Content; readonly channel?: string; readonly times?: number }
  | { readonly until: Counts };

export interface SeenStream {
  readonly cursor?: string | null;
  readonly channels?: string;
  readonly token?: string;
  /** After the last byte of the answer before it. */
  readonly notBeforeMs?: number;
}

export interface SeenPost {
  readonly seq: number;
  readonly data: Content;
  readonly channel?: string;
  readonly token?: string;
  readonly notBeforeMs?: number;
}

/** Of the channel `demo` where none is said. */
export type Heard = Content | { readonly on: string; readonly data: Content } | HeardReset;

export interface HeardReset {
  readonly reset: number | null;
  readonly state?: Readonly<Record<string, string>>;
}

export interface Sight {
  readonly hears?: readonly Heard[];
  readonly streams?: readonly SeenStream[];
  readonly posts?: readonly SeenPost[];
  /** What the POSTs carried, each `seq` once; `posts` is then how many there may be. */
  readonly changes?: { readonly count: number; readonly postsAtMost: number };
  readonly accepted?: readonly Content[];
  /** What was refused, and the code. */
  readonly refused?: readonly (readonly [Content, string])[];
  /** No more streams than that in the time. */
  readonly calm?: { readonly streams: number; readonly inMs: number };
  /** Nothing else comes for so long after all was seen. */
  readonly quietMs?: number;
}

/** What `connect` says beside the address and the name. */
export interface Wish {
  /** What the app's token() gives, one after the other. */
  readonly tokens?: readonly string[];
  readonly transport?: 'poll';
  /** Of a client that is wrong on purpose, how. */
  readonly wrong?: string;
}

export interface Case {
  readonly name: string;
  readonly about: string;
  readonly rules: string;
  readonly needs?: readonly Ability[];
  readonly connect?: Wish;
  readonly server?: {
    readonly streams?: readonly StreamAnswer[];
    readonly posts?: readonly PostAnswer[];
    /** What the step `log` sends to who has none of it. */
    readonly log?: readonly EventStep['event'][];
    /** Played once for each byte of the first stream, which is cut after it. */
    readonly cutEverywhere?: boolean;
  };
  readonly client: readonly ClientStep[];
  readonly sees: Sight;
}

const folder = new URL('../', import.meta.url);

export function casesOf(names?: readonly string[]): Case[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .map((file) => ({ name: file.slice(0, -5), ...parse(readFileSync(new URL(file, folder), 'utf8')) }) as Case)
    .filter(({ name }) => !names?.length || names.includes(name));
}
