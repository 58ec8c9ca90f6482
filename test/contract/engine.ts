/**
 * The engine's contract in executable form: what `src/engine/engine.ts` says, sentence by sentence, for any engine.
 *
 * A test that one engine fails and another passes is a bug of the first, of the test, or an ambiguity of the contract;
 * it is never made weaker for an implementation's sake. What an engine cannot do by its nature it declares in
 * `supports`, and those tests are skipped with the reason.
 */
import { describe } from 'node:test';
import { appendTests } from './engine/append.ts';
import { archivingTests } from './engine/archiving.ts';
import { commitTests } from './engine/commit.ts';
import { changesTests, tailsTests } from './engine/comparing.ts';
import { emptyChannelTests } from './engine/empty.ts';
import { erasingTests } from './engine/erasing.ts';
import { gatherTests } from './engine/gather.ts';
import { historyTests } from './engine/history.ts';
import { type CreateEngine, opener } from './engine/kit.ts';
import { leaseTests } from './engine/lease.ts';
import { lifeTests } from './engine/life.ts';
import { loadTests } from './engine/load.ts';
import { peekTests } from './engine/peek.ts';
import { progressTests } from './engine/progress.ts';
import { refillingTests } from './engine/refilling.ts';
import { refoldTests } from './engine/refold.ts';
import { refusalTests } from './engine/refusal.ts';
import { renewTests } from './engine/renew.ts';
import { stateTests } from './engine/state.ts';
import { largeStateTests } from './engine/state-large.ts';
import { subscribeTests } from './engine/subscribe.ts';
import { sweepTests } from './engine/sweep.ts';
import { traceTests } from './engine/trace.ts';
import { weightTests } from './engine/weight.ts';

export type { CreateEngine, EngineUnderTest } from './engine/kit.ts';

export interface EngineSubject {
  /** As the report of the tests shows it. */
  readonly name: string;
  /** A new engine on a store of its own. What is not given in `options` has a generous value. */
  readonly create: CreateEngine;
  readonly supports: EngineSupports;
}

export interface EngineSupports {
  /** Whether an inbox can come to hold what this version cannot read. False where only this process ever writes it. */
  readonly unreadable: boolean;
}

export function engineContract({ name, create, supports }: EngineSubject): void {
  const open = opener(create);
  describe(`engine contract: ${name}`, () => {
    describe('append and watch', () => appendTests(open));
    describe('peek', () => peekTests(open, supports.unreadable));
    describe('lease', () => leaseTests(open));
    describe('load', () => loadTests(open));
    describe('commit', () => commitTests(open));
    describe('commit refused', () => refusalTests(open));
    describe('progress', () => progressTests(open));
    describe('history', () => historyTests(open));
    describe('changes', () => changesTests(open));
    describe('tails', () => tailsTests(open));
    describe('empty and forgotten channels', () => emptyChannelTests(open));
    describe('state', () => stateTests(open));
    describe('large state', () => largeStateTests(open));
    describe('subscribe', () => subscribeTests(open));
    describe('another reducer', () => refoldTests(open));
    describe('renew', () => renewTests(open));
    describe('sweep', () => sweepTests(open));
    describe('archiving', () => archivingTests(open));
    describe('refilling', () => refillingTests(open));
    describe('erasing', () => erasingTests(open, supports.unreadable));
    describe('gather', () => gatherTests(open));
    describe('trace', () => traceTests(open));
    describe('weight', () => weightTests(open));
    describe('life', () => lifeTests(open));
  });
}
