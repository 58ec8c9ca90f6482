/**
 * One run: a lab, writers and readers on it, faults after a plan, then quiet, the final logs, and the checker's verdict.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { verify } from '../../src/archive/tool/verify.ts';
import { request } from '../support/http.ts';
import { createRandom, type Random } from '../support/random.ts';
import { waitFor } from '../support/wait.ts';
import { check, type Verdict } from './checker.ts';
import { fieldsOf } from './checks/state.ts';
import { SETTLE_MS } from './checks/streams.ts';
import { startCutting } from './clients/cutting.ts';
import { startEventSource } from './clients/event-source.ts';
import { startPoll } from './clients/poll.ts';
import type { Envelope, Reader } from './clients/reader.ts';
import { startWriter, type Writer } from './clients/writer.ts';
import type { RoleKind } from './fleet/role.ts';
import { base64, type Line, type LoggedEvent, Recorder } from './history.ts';
import { type Lab, type LabOptions, startLab } from './lab.ts';
import { parseCursor } from './model.ts';
import type { Planned } from './schedule.ts';

export interface LoadOptions {
  readonly writers: number;
  readonly readers: number;
  /** Changes a second of all writers together; 0: as fast as they are answered. */
  readonly rate: number;
  /** Each writer ends after so many. */
  readonly changesEach?: number;
}

export interface Load {
  readonly writers: readonly Writer[];
  readonly readers: readonly Reader[];
}

export const CHANNELS = ['log-a', 'log-b', 'log-c', 'latest-a', 'tally-a'] as const;

export function startLoad(lab: Lab, recorder: Recorder, seed: number, options: LoadOptions): Load {
  const { writers, readers, rate, changesEach } = options;
  let seeds = seed;
  const newRandom = (): Random => createRandom(++seeds * 104_729);
  const readerList = Array.from({ length: readers }, (_, i): Reader => {
    // Of every four readers on one channel, a fifth is on several; polls read one.
    const channels = i % 5 === 4 && i % 3 !== 1 ? ['log-a', 'latest-a', 'log-c'] : [CHANNELS[i % CHANNELS.length]!];
    const common = { url: lab.receiveUrl, channels, recorder };
    if (i % 3 === 0) return startEventSource({ ...common, name: `page-${i}` });
    if (i % 3 === 1) return startPoll({ ...common, name: `poll-${i}` });
    return startCutting({ ...common, name: `train-${i}`, random: newRandom(), cutBelowBytes: 20_000 });
  });
  const writerList = Array.from({ length: writers }, (_, i) =>
    startWriter({
      name: `w${i}`,
      url: lab.sendUrl,
      channels: CHANNELS,
      recorder,
      random: newRandom(),
      rate: rate / writers,
      withSeq: i % 4 !== 3,
      ...(changesEach === undefined ? {} : { changes: changesEach }),
    }),
  );
  return { writers: writerList, readers: readerList };
}

/** A reader connects within a second; on a machine that does ten things, later. */
const THERE_MAX_MS = 30_000;

/** What is sent before a reader was told where it is, it has not missed; nor was it there to be sent away. */
async function awaitReaders({ lines }: Recorder, readers: readonly Reader[]): Promise<void> {
  const absent = () => {
    const there = new Set(lines.flatMap((line) => (line.t === 'told' && line.event === '$sync' ? [line.reader] : [])));
    return readers.filter(({ name }) => !there.has(name)).map(({ name }) => name);
  };
  await waitFor(() => absent().length === 0, { timeoutMs: THERE_MAX_MS, what: () => `readers: ${absent().join()}` });
}

/** Runs every planned fault at its time, and resolves when the last of them has been put right. */
export async function runFaults(lab: Lab, recorder: Recorder, planned: readonly Planned[]): Promise<void> {
  const began = performance.now();
  const busy = new Map<string, Promise<void>>();
  await Promise.all(
    planned.map(async ({ fault, atMs, lastsMs, seed }) => {
      await sleep(Math.max(0, began + atMs - performance.now()));
      // What it hits may take longer to come back than was planned.
      const before = busy.get(fault.hits) ?? Promise.resolve();
      const mine = before.then(() => runFault(lab, recorder, { fault, atMs, lastsMs, seed }));
      busy.set(fault.hits, mine);
      await mine;
    }),
  );
}

async function runFault(lab: Lab, recorder: Recorder, { fault, lastsMs, seed }: Planned): Promise<void> {
  const { detail, stop } = await fault.start(lab, createRandom(seed), recorder);
  recorder.add({ t: 'fault', name: fault.name, phase: 'start', detail });
  await sleep(lastsMs);
  await stop();
  recorder.add({ t: 'fault', name: fault.name, phase: 'stop', detail });
}

/** A frozen archiver is replaced after 5 s. */
const ARCHIVED_MAX_MS = 60_000;

/** Unanswered changes are repeated until they are answered, which after the last fault does not take long. */
const ANSWERED_MAX_MS = 30_000;

/** Lets everything come to rest, and writes down what the store holds then. */
export async function settle(lab: Lab, recorder: Recorder, { writers, readers }: Load): Promise<void> {
  await lab.ready();
  for (const writer of writers) writer.stop();
  const answered = Promise.all(writers.map(({ done }) => done));
  await Promise.race([
    answered,
    sleep(ANSWERED_MAX_MS, undefined, { ref: false }).then(() => {
      throw new Error(`writers are without an answer ${ANSWERED_MAX_MS} ms after the last fault`);
    }),
  ]);
  recorder.add({ t: 'quiet' });
  await sleep(SETTLE_MS + 300);
  for (const channel of CHANNELS) {
    await recordLog(lab, recorder, channel);
    await recordState(lab, recorder, channel);
  }
  await recordArchive(lab, recorder);
  for (const reader of readers) reader.stop();
}

interface StateAnswer {
  readonly cursor: string;
  readonly state: Record<string, string>;
  readonly b64: Record<string, string>;
}

interface HistoryAnswer {
  readonly cursor: string;
  readonly events: readonly (Envelope & { readonly id: string })[];
  readonly more: boolean;
}

/** A store that was slow may still be so for a moment: 503 means to ask again. */
async function read<T>({ receiveUrl }: Lab, path: string): Promise<T> {
  const answer = await waitFor(
    async () => {
      const tried = await request(receiveUrl, path);
      return tried.status === 503 ? undefined : tried;
    },
    { timeoutMs: ANSWERED_MAX_MS, what: `an answer to ${path}` },
  );
  return answer.json<T>();
}

async function recordLog(lab: Lab, recorder: Recorder, channel: string): Promise<void> {
  const events: LoggedEvent[] = [];
  let since = lab.postgres ? 'earliest' : '';
  for (;;) {
    const path = `/c/${channel}/history${since === '' ? '' : `?since=${since}`}`;
    const answer = await read<HistoryAnswer>(lab, path);
    for (const { id, from = '', seq = 0, data, b64 } of answer.events) {
      events.push({ offset: parseCursor(id).offsets[0]!, from, seq, body: b64 ?? base64(data ?? '') });
    }
    since = answer.cursor;
    if (answer.more) continue;
    const { prefix, offsets } = parseCursor(since);
    recorder.add({ t: 'log', channel, epoch: prefix, head: offsets[0]!, events });
    return;
  }
}

/** Once it has all that there is. */
async function recordArchive({ postgres }: Lab, recorder: Recorder): Promise<void> {
  if (postgres === undefined) return;
  const inspection = postgres.inspect();
  const heads = new Map(recorder.lines.flatMap((line) => (line.t === 'log' ? [[line.channel, line] as const] : [])));
  for (const channel of CHANNELS) {
    const { head: wanted = 0, events: kept = [] } = heads.get(channel) ?? {};
    if (kept.length === 0) continue;
    const log = await waitFor(
      async () => {
        const current = (await inspection.logs(channel, '0', 1_000)).find(({ isCurrent }) => isCurrent);
        return current !== undefined && current.head >= wanted ? current : undefined;
      },
      { timeoutMs: ARCHIVED_MAX_MS, everyMs: 200, what: `${channel} to be archived` },
    );
    const events: LoggedEvent[] = [];
    for (let after = 0; ; ) {
      const pieces = await inspection.pieces(log.id, after, 64);
      if (pieces.length === 0) break;
      for (const { offset, from, seq, bytes } of pieces.flatMap((piece) => piece.events)) {
        events.push({ offset, from, seq, body: Buffer.from(bytes).toString('base64') });
      }
      after = pieces.at(-1)!.last;
    }
    const { faults } = await verify(inspection, channel);
    recorder.add({ t: 'archive', channel, head: log.head, events, faults });
  }
  await inspection.close();
}

async function recordState(lab: Lab, recorder: Recorder, channel: string): Promise<void> {
  const state = await read<StateAnswer>(lab, `/c/${channel}/state`);
  recorder.add({ t: 'state', channel, cursor: state.cursor, fields: fieldsOf(state) });
}

export interface RunOptions extends LabOptions, LoadOptions {
  readonly planned: readonly Planned[];
  /** Load before the first fault and after the last, milliseconds. */
  readonly calmMs?: number;
  /** Called with the lab once load is on it, while the faults run. */
  readonly during?: (lab: Lab, recorder: Recorder, load: Load) => Promise<void>;
}

export interface RunResult {
  readonly verdict: Verdict;
  readonly lines: readonly Line[];
  /** Where the history and all logs are; gone when nothing was violated. */
  readonly dir: string;
  readonly historyPath: string;
  /** Lines like these in the logs of the roles, by role kind and message. */
  readonly said: (kind: RoleKind, message: string) => number;
}

export async function run(options: RunOptions): Promise<RunResult> {
  const { planned, calmMs = 1_000, during } = options;
  const lab = await startLab(options);
  const historyPath = `${lab.dir}/history.jsonl`;
  const recorder = new Recorder(historyPath);
  let load: Load | undefined;
  try {
    load = startLoad(lab, recorder, options.seed, options);
    await awaitReaders(recorder, load.readers);
    await sleep(calmMs);
    await Promise.all([runFaults(lab, recorder, planned), during?.(lab, recorder, load)]);
    await sleep(calmMs);
    await settle(lab, recorder, load);
  } catch (error) {
    throw new Error(`the run broke off; what there is is in ${lab.dir}`, { cause: error });
  } finally {
    for (const each of [...(load?.writers ?? []), ...(load?.readers ?? [])]) each.stop();
    await lab.stop();
    await recorder.close();
  }
  const verdict = check(recorder.lines);
  if (verdict.violations.length === 0) lab.forget();
  const said: RunResult['said'] = (kind, message) => lab.of(kind).reduce((sum, role) => sum + role.said(message), 0);
  return { verdict, lines: recorder.lines, dir: lab.dir, historyPath, said };
}
