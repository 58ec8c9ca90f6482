/**
 * Redis is away for a while, killed or frozen: POSTs are told so at once, nothing is kept for it in memory, streams stay
 * open and are told, and everything is back when Redis is.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { theBuilt } from '../../support/process.ts';
import { waitFor } from '../../support/wait.ts';
import { quantileMs } from '../figures.ts';
import type { Line, Recorder } from '../history.ts';
import type { Lab } from '../lab.ts';
import { run } from '../run.ts';
import { type Scenario, sized, violationsOf } from './scenario.ts';

const ANSWER_MAX_MS = 1_200;
/** The same where it is played small, beside other tests on a machine that may be slow. */
const ANSWER_MAX_MS_WHEN_SMALL = 2_000;
const BACK_MAX_MS = 3_000;
/** What a garbage collection more or less makes. */
const GROWTH_MAX_MIB = 16;
const KINDS = ['kill -9', 'freeze'] as const;

interface Absence {
  readonly from: number;
  readonly until: number;
}

export const redisAway: Scenario = {
  name: 'redis-away',
  promise: 'Redis away: 503 within 1.2 s (p99), memory flat, streams stay and are told, service back within 3 s of it',
  async run(options) {
    const awayMs = sized(60_000, 6_000, options);
    const absences: Absence[] = [];
    const backMs: number[] = [];
    const growth: number[] = [];
    const { verdict, lines } = await run({
      seed: options.seed,
      planned: [],
      writers: 32,
      readers: 9,
      rate: 300,
      // Its memory is measured: as one file it begins with less, and has more to grow by.
      main: theBuilt,
      async during(lab, recorder) {
        for (const kind of KINDS) {
          const from = recorder.now;
          await leave(lab, kind);
          // A young process grows a little anyway, whatever it does.
          await sleep(awayMs / 2);
          const before = memoryMib(lab);
          await sleep(awayMs / 2);
          growth.push(memoryMib(lab) - before);
          absences.push({ from, until: recorder.now });
          await comeBack(lab, kind);
          backMs.push(await untilAnswered(recorder));
          // The readers' word for it.
          await sleep(4_000);
        }
      },
    });
    const failures = violationsOf(verdict);
    const answers = absences.flatMap((absence) => answersDuring(lines, absence));
    const refusedMs = answers.map(({ ms }) => ms);
    const p99 = quantileMs(refusedMs, 0.99);
    const told = (status: string) => new Set(lines.flatMap((line) => (isTold(line, status) ? [line.reader] : []))).size;
    const closed = absences.reduce((sum, absence) => sum + closedDuring(lines, absence), 0);
    const accepted = answers.filter(({ status }) => status === 204).length;
    const answerMaxMs = options.scale < 1 ? ANSWER_MAX_MS_WHEN_SMALL : ANSWER_MAX_MS;
    if (p99 > answerMaxMs) failures.push(`a POST had its answer after ${p99} ms (p99)`);
    if (accepted > 0) failures.push(`${accepted} changes had a 204 from nowhere`);
    if (Math.max(...backMs) > BACK_MAX_MS) failures.push(`${Math.max(...backMs)} ms to the next 204`);
    if (Math.max(...growth) > GROWTH_MAX_MIB) failures.push(`the buckets grew by ${Math.max(...growth)} MiB`);
    if (closed > 0) failures.push(`${closed} streams were closed meanwhile`);
    for (const status of ['degraded', 'recovered']) if (told(status) === 0) failures.push(`nobody was told ${status}`);
    return {
      figures: {
        ...verdict.figures,
        'answers while away': answers.length,
        'answer p50 ms': quantileMs(refusedMs, 0.5),
        'answer p99 ms': p99,
        'answer max ms': quantileMs(refusedMs, 1),
        'next 204 max ms': Math.round(Math.max(...backMs)),
        'buckets grew MiB in the second half': Math.round(Math.max(...growth)),
        'readers told degraded': told('degraded'),
        'readers told recovered': told('recovered'),
        'streams closed': closed,
      },
      failures,
    };
  },
};

async function leave({ redis }: Lab, kind: (typeof KINDS)[number]): Promise<void> {
  if (kind === 'freeze') redis.child.signal('SIGSTOP');
  else await redis.child.hold();
}

async function comeBack({ redis }: Lab, kind: (typeof KINDS)[number]): Promise<void> {
  if (kind === 'freeze') redis.child.signal('SIGCONT');
  else redis.child.release();
  await redis.ready();
}

/** Of both buckets. */
function memoryMib(lab: Lab): number {
  return lab
    .of('bucket')
    .map(({ child }) => /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))![1]!)
    .reduce((sum, kib) => sum + Number(kib) / 1024, 0);
}

async function untilAnswered(recorder: Recorder): Promise<number> {
  const since = recorder.now;
  const isAnswer = (line: Line) => line.t === 'sent' && line.outcome === 'ok' && line.at > since;
  await waitFor(() => isAnswer(recorder.lines.findLast(({ t }) => t === 'sent')!), {
    timeoutMs: 20_000,
    what: 'a 204',
  });
  return recorder.now - since;
}

/** Of what was sent while Redis was away and answered before it was back; the first moment is the old connection's. */
function answersDuring(lines: readonly Line[], { from, until }: Absence) {
  const sent = new Map<number, number>();
  const answers: { ms: number; status: number }[] = [];
  for (const line of lines) {
    if (line.t === 'send' && line.at > from + 50 && line.at < until - ANSWER_MAX_MS) sent.set(line.id, line.at);
    if (line.t === 'sent' && sent.has(line.id)) answers.push({ ms: line.at - sent.get(line.id)!, status: line.status });
  }
  return answers;
}

function isTold(line: Line, status: string): line is Extract<Line, { t: 'told' }> {
  return line.t === 'told' && (line.data as { status?: string }).status === status;
}

/** Those that read a stream without end; polls end by themselves, and trains cut themselves. */
function closedDuring(lines: readonly Line[], { from, until }: Absence): number {
  return lines.filter(
    (line) => line.t === 'closed' && line.reader.startsWith('page-') && line.at > from && line.at < until,
  ).length;
}
