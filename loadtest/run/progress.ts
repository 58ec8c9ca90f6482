/** How it goes, once a second: one line that is written over on a terminal, plain lines anywhere else. */
import type { WriteStream } from 'node:tty';
import type { Counts } from './messages.ts';
import type { Sample } from './result.ts';
import { ms, number } from './verdict.ts';

/** `cut`: it ends before its time. */
export type Phase = 'prime' | 'open' | 'load' | 'settle' | 'cut';

export interface Shown {
  readonly phase: Phase;
  readonly streams: number;
  readonly counts: Counts;
  readonly sample: Sample;
  readonly missing: number;
  readonly offences: number;
}

export interface Progress {
  show(shown: Shown): void;
  say(line: string): void;
  end(): void;
}

/** Not on a terminal a line a second would fill a log. */
const PLAIN_EVERY_S = 5;

export function createProgress(output: NodeJS.WritableStream & Partial<WriteStream>): Progress {
  const isTerminal = output.isTTY === true;
  let isOpen = false;
  let shownS = Number.NEGATIVE_INFINITY;
  let phase = '';

  function clear(): void {
    if (isOpen) output.write('\r\u001b[K');
    isOpen = false;
  }

  return {
    show(shown) {
      const line = lineOf(shown);
      if (isTerminal) {
        clear();
        output.write(line.slice(0, (output.columns ?? 120) - 1));
        isOpen = true;
      } else if (shown.phase !== phase || shown.sample.atS - shownS >= PLAIN_EVERY_S) {
        output.write(`${line}\n`);
        shownS = shown.sample.atS;
        phase = shown.phase;
      }
    },
    say(line) {
      clear();
      output.write(`${line}\n`);
    },
    end: clear,
  };
}

function lineOf({ phase, streams, counts, sample, missing, offences }: Shown): string {
  const { latency } = sample;
  const times = latency === null ? 'p50 – p99 –' : `p50 ${ms(latency.p50Ms)} p99 ${ms(latency.p99Ms)}`;
  return [
    `${phase.padEnd(6)} ${String(Math.round(sample.atS)).padStart(4)} s`,
    `opened ${number(counts.opened)}/${number(streams)}`,
    `sent ${number(counts.accepted)}`,
    `received ${number(counts.received)}`,
    times,
    `missing ${number(missing)}`,
    ...(offences > missing ? [`other offences ${number(offences - missing)}`] : []),
  ].join(' · ');
}
