/** What a result means, in sentences: clean or the first offence, and whether the tester itself was the limit. */
import type { Quantiles } from '../measures/histogram.ts';
import type { Offence } from './messages.ts';
import type { Result, Tester } from './result.ts';

/** Of a core: a process that uses more has no time left when a burst comes. */
const BUSY_SHARE = 0.85;
/** Of all cores of a machine on which the target runs as well. */
const FULL_SHARE = 0.95;
/** A tester that is as late as this, and as late as what it measured, has measured itself. */
const DELAY_MS = 25;
const DELAY_SHARE = 0.5;

export function limitSentence(tester: Omit<Tester, 'limit' | 'memoryBytes'>, latency: Quantiles): string | null {
  const { busiestCpu, machineCpu, cores, delay, cpu } = tester;
  if (busiestCpu > BUSY_SHARE) {
    return `The generator was the limit: one of its processes used ${percent(busiestCpu)} of a core. Give more --workers.`;
  }
  const isLate = delay.p99Ms > DELAY_MS && delay.p99Ms > DELAY_SHARE * latency.p99Ms;
  const isFull = machineCpu > FULL_SHARE * cores;
  if (isLate && isFull) {
    return `The generator was the limit: the machine was full (${machineCpu.toFixed(1)} of ${cores} cores, ${cpu.toFixed(1)} of them the generator's), and its own timers were ${delay.p99Ms.toFixed(0)} ms late (p99).`;
  }
  if (isLate) return `The generator was the limit: its own timers were ${delay.p99Ms.toFixed(0)} ms late (p99).`;
  return null;
}

/** `missing: lt-k3f9a2-17, offset 42, stream #173: …`. */
export function offenceLine({ kind, channel, offset, stream, detail }: Offence): string {
  const where = [
    `channel ${channel}`,
    ...(offset === null ? [] : [`offset ${offset}`]),
    ...(stream === null ? [] : [`stream #${stream}`]),
  ];
  return `${kind}: ${where.join(', ')}: ${detail}`;
}

/** The last lines on the terminal. */
export function verdictLines(result: Result): string[] {
  const { counts, latency, post, tester, offences, offenceCounts, options } = result;
  const lines = [
    '',
    `streams   ${number(counts.opened)} of ${number(options.streams)} opened in ${result.openS.toFixed(1)} s` +
      ` (${number(counts.opened / Math.max(0.001, result.openS))}/s), ${number(counts.open)} open at the end`,
    `changes   ${number(counts.accepted)} accepted of ${number(counts.due)} due in ${result.loadS.toFixed(1)} s, ${number(counts.resent)} sent again`,
    `events    ${number(counts.received)} received of ${number(counts.owed)} owed`,
    `latency   p50 ${ms(latency.p50Ms)}, p99 ${ms(latency.p99Ms)}, p99.9 ${ms(latency.p999Ms)}, max ${ms(latency.maxMs)}` +
      ` (from when a change was due to its event at each stream)`,
    `POST      p50 ${ms(post.p50Ms)}, p99 ${ms(post.p99Ms)}, max ${ms(post.maxMs)} (from when it was due to its 204)`,
    `streams   ${number(counts.cut)} cut on purpose, ${number(counts.resumed)} resumed, ${number(counts.announced)} sent away,` +
      ` ${number(counts.early)} lost before the load; ${number(offenceCounts.disconnected ?? 0)} unexplained disconnects`,
    `tester    ${tester.processes} process(es), ${tester.sources} source address(es), ${tester.cpu.toFixed(2)} cores,` +
      ` ${number(tester.memoryBytes / 2 ** 20)} MiB` +
      `${tester.bytesPerStream === null ? '' : `, ${number(tester.bytesPerStream)} bytes a stream`};` +
      ` own delay p99 ${ms(tester.delay.p99Ms)}`,
  ];
  if (tester.limit) lines.push(tester.limit);
  if (result.cutShort) lines.push(`cut short: ${result.cutShort}`);
  lines.push('');
  if (result.isClean) lines.push('clean: 0 missing, 0 repeated, 0 out of order, 0 late, 0 unexplained disconnects');
  else {
    const counted = Object.entries(offenceCounts).map(([kind, count]) => `${number(count)} ${kind}`);
    lines.push(`NOT CLEAN: ${counted.join(', ') || 'the run did not end by itself'}`);
    if (offences[0]) lines.push(`first: ${offenceLine(offences[0])}`);
  }
  return lines;
}

export function number(value: number): string {
  return Math.round(value).toLocaleString('en');
}

export function ms(value: number): string {
  return value < 10 ? `${value.toFixed(1)} ms` : `${number(value)} ms`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
