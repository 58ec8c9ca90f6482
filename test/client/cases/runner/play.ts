/** Plays one case with one client: the steps in order, then waits for what must be seen, and a little for what must not. */
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../../../support/wait.ts';
import type { Case, ClientStep } from './case.ts';
import type { ScriptedServer } from './server.ts';
import type { Stage } from './stage.ts';
import type { Subject } from './subject.ts';
import { verdictOn } from './verdict.ts';

/** Until all must have been seen: beyond what any back-off of a client that is right takes. */
const DEADLINE_MS = 60_000;
/** What is said twice is said in the same moment. */
const QUIET_MS = 50;
/** Copies of a case that is cut everywhere. */
const AT_ONCE = 24;
/** Shorter and longer than any script: $sync alone has more. */
const CUTS_MIN = 100;
const CUTS_MAX = 10_000;

/** @throws with what was seen instead. */
export async function play(server: ScriptedServer, subject: Subject, played: Case): Promise<void> {
  if (!played.server?.cutEverywhere) {
    await playOnce(server, subject, played);
    return;
  }
  let next = 0;
  let isCut = true;
  const player = async () => {
    while (isCut) {
      if (next > CUTS_MAX) throw new Error('there is no end of the first stream');
      const { wasCut } = await playOnce(server, subject, played, next++);
      isCut &&= wasCut;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, player));
  if (next < CUTS_MIN) throw new Error(`it was cut after ${next} bytes, and had no more`);
}

async function playOnce(server: ScriptedServer, subject: Subject, played: Case, cutAfter?: number): Promise<Stage> {
  const { stage, url } = server.stage(played, cutAfter);
  const say = subject.connection((line) => stage.told(line));
  say({ do: 'connect', url, name: 'alice', ...played.connect });
  const verdict = () => {
    subject.check();
    return verdictOn(stage) === 'seen';
  };
  const what = () =>
    `what is to be seen${cutAfter === undefined ? '' : `, cut after ${cutAfter} bytes`}:\n${shown(stage)}`;
  const startedMs = performance.now();
  try {
    for (const step of played.client) await take(step, stage, say);
    await waitFor(verdict, { what, timeoutMs: DEADLINE_MS });
    const { calm, quietMs = QUIET_MS } = played.sees;
    await sleep(Math.max(quietMs, (calm?.inMs ?? 0) - (performance.now() - startedMs)));
    verdict();
    return stage;
  } finally {
    say({ do: 'close' });
  }
}

async function take(step: ClientStep, stage: Stage, say: (command: Record<string, unknown>) => void): Promise<void> {
  if (step === 'close') say({ do: 'close' });
  else if ('until' in step) {
    const what = () => `${JSON.stringify(step.until)}:\n${shown(stage)}`;
    await waitFor(() => stage.has(step.until), { what, timeoutMs: DEADLINE_MS });
  } else if ('subscribe' in step) say({ do: 'subscribe', channels: [step.subscribe].flat(), since: step.since });
  else {
    const { publish, channel = 'demo', times = 1 } = step;
    const content = typeof publish === 'string' ? { data: publish } : publish;
    for (let i = 0; i < times; i++) say({ do: 'publish', channel, ...content, n: stage.published.push(publish) });
  }
}

function shown({ heard, results, exchanges }: Stage): string {
  const asked = exchanges.map(({ kind, channels, cursor, token, changes }) => {
    const sent = changes.map(({ seq, bytes }) => `${seq} ${bytes}`).join(', ');
    return `${kind} ${channels} ${kind === 'stream' ? cursor : sent} ${token ?? ''}`;
  });
  return [...asked, ...[...heard, ...results].map((line) => JSON.stringify(line))].join('\n');
}
