/** What a check is: a reading of the whole model that yields what it finds wrong, the first first. */
import type { Change, Log, Model } from '../model.ts';

export interface Violation {
  /** I1 … I10 of DESIGN §5. */
  readonly invariant: string;
  readonly what: string;
  /** What surrounds it, a line each. */
  readonly context: readonly string[];
}

export type Check = (model: Model) => Iterable<Violation>;

/** Events on each side of one that is shown. */
const NEIGHBOURS = 3;

/** A short form of bytes for people. */
export function shown(body: string): string {
  const text = JSON.stringify(Buffer.from(body, 'base64').toString('latin1'));
  return text.length > 60 ? `${text.slice(0, 57)}…"` : text;
}

/** The log around an offset. */
export function around(log: Log | undefined, offset: number): string[] {
  if (!log) return ['there is no final log of this channel'];
  const near = log.events.filter((event) => Math.abs(event.offset - offset) <= NEIGHBOURS);
  return [
    `final log ${log.channel}: epoch ${log.epoch}, head ${log.head}, ${log.events.length} events`,
    ...near.map(
      ({ offset: o, from, seq, body }) => `  ${o === offset ? '>' : ' '} ${o}  ${from || '-'} ${seq} ${shown(body)}`,
    ),
  ];
}

export function describe(change: Change): string {
  const { channel, from, seq, body, sentAt, okAt, tries, fails } = change;
  const answer = okAt === undefined ? 'no 204' : `204 at ${okAt}`;
  return `${channel} ${from || '-'} ${seq} ${shown(body)} sent at ${sentAt}, ${tries} tries (${fails} refused), ${answer}`;
}
