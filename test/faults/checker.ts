/**
 * The checker: reads a history and says whether DESIGN §5 held in it. Offline: `node --import tsx checker.ts <file>`.
 *
 * I9 is checked where there was an archive.
 */
import { allAgree } from './checks/agreement.ts';
import { archived } from './checks/archive.ts';
import type { Check, Violation } from './checks/check.ts';
import { acceptedOnce, fromSomebody, unknownAtMostOnce } from './checks/merged.ts';
import { inOrderOfSeq, inRealTime } from './checks/order.ts';
import { stateIsFold } from './checks/state.ts';
import { atHead, contiguous } from './checks/streams.ts';
import { type Line, readHistoryFile } from './history.ts';
import { buildModel, type Model } from './model.ts';

export type { Violation };

export interface Verdict {
  readonly violations: readonly Violation[];
  readonly figures: Readonly<Record<string, number>>;
}

const checks: readonly Check[] = [
  acceptedOnce,
  unknownAtMostOnce,
  fromSomebody,
  contiguous,
  allAgree,
  inOrderOfSeq,
  inRealTime,
  stateIsFold,
  atHead,
  archived,
];

/** So many of one kind are kept: the first is what matters, the number tells how bad it is. */
const KEPT_PER_CHECK = 1_000;

export function check(lines: readonly Line[]): Verdict {
  const model = buildModel(lines);
  const violations: Violation[] = [];
  for (const each of checks) {
    let kept = 0;
    for (const violation of each(model)) {
      violations.push(violation);
      if (++kept === KEPT_PER_CHECK) break;
    }
  }
  return { violations, figures: figuresOf(model, lines) };
}

function figuresOf(model: Model, lines: readonly Line[]): Record<string, number> {
  const figures = { sent: 0, ok: 0, unknown: 0, fail: 0, changes: model.changes.size, merged: 0, delivered: 0 };
  const more = { connections: 0, resets: 0, faults: 0 };
  for (const line of lines) {
    if (line.t === 'sent') figures[line.outcome]++;
    else if (line.t === 'send') figures.sent++;
    else if (line.t === 'event') figures.delivered++;
    else if (line.t === 'open') more.connections++;
    else if (line.t === 'fault' && line.phase === 'start') more.faults++;
    else if (line.t === 'told' && (line.data as { status?: string }).status === 'reset') more.resets++;
  }
  for (const { events } of model.logs.values()) figures.merged += events.length;
  return { ...figures, ...more };
}

/** The first violation with its context, and how many there are of each kind. */
export function report({ violations, figures }: Verdict): string {
  const said = Object.entries(figures).map(([name, count]) => `${count} ${name}`);
  const [first] = violations;
  if (!first) return `no violation of I1–I10: ${said.join(', ')}`;
  const counts = new Map<string, number>();
  for (const { invariant } of violations) counts.set(invariant, (counts.get(invariant) ?? 0) + 1);
  const kinds = Array.from(counts, ([invariant, count]) => `${invariant}: ${count}`);
  return [
    `VIOLATED ${kinds.join(', ')} (${said.join(', ')})`,
    `${first.invariant} ${first.what}`,
    ...first.context,
  ].join('\n');
}

const [, program, path] = process.argv;
if (program?.endsWith('checker.ts') && path !== undefined) {
  const verdict = check(readHistoryFile(path));
  console.log(report(verdict));
  process.exitCode = verdict.violations.length === 0 ? 0 : 1;
}
