/**
 * The cases as data (`cases/*.yaml`), for the client library and for the client in Python: what docs/writing-a-client.md promises to whoever
 * writes a third one. And clients that are wrong on purpose: a case that they do not turn red would show nothing.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Ability, type Case, casesOf } from './cases/runner/case.ts';
import { play } from './cases/runner/play.ts';
import { type ScriptedServer, startScriptedServer } from './cases/runner/server.ts';
import { type Subject, startSubject } from './cases/runner/subject.ts';

const pathOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const ours = [
  process.execPath,
  '--import',
  new URL('../../scripts/typescript/register.mjs', import.meta.url).href,
  pathOf('test/client/cases/adapters/smallchange.ts'),
];

const clients: readonly { name: string; command: readonly string[]; can: readonly Ability[] }[] = [
  { name: 'smallchange/client', command: ours, can: ['batch', 'joined', 'poll', 'since', 'token'] },
  { name: 'examples/python', command: ['python3', pathOf('examples/python/adapter.py')], can: ['since'] },
];

/** What each does wrong, a case about that, and what is said of it. */
const wrongs: readonly (readonly [wrong: string, played: string, says: RegExp])[] = [
  ['forgets', 'resume-with-the-last-id', /cursor: null/],
  ['repeats', 'repeats-are-dropped', /what is heard/],
  ['hasty', 'retry-is-honoured', /notBeforeMs: 60000/],
  ['renumbers', 'answer-lost', /seq: 2/],
  ['impatient', 'publish-503', /notBeforeMs: 60000/],
  ['believes', 'publish-503', /data: 'two'/],
  ['gives-up', 'publish-408-and-429', /data: 'two'/],
  ['sends-twice', 'publish-in-order', /two unanswered POSTs/],
];

/** Mostly they wait, for back-offs; but what all begin in one moment comes late. */
const AT_ONCE = 20;

/** On a slow machine also those come late that do not wait: they are asked to wait for a minute. */
function longer(played: Case): Case {
  const text = JSON.stringify(played);
  return JSON.parse(
    text
      .replaceAll(/"(notBeforeMs|retry)":\d{4}/g, '"$1":60000')
      .replaceAll(/"retry-after":"\d+"/g, '"retry-after":"60"'),
  ) as Case;
}

describe('the cases of a client', { concurrency: true }, () => {
  let server: ScriptedServer;
  const cases = casesOf();
  before(async () => {
    server = await startScriptedServer();
  });
  after(() => server?.[Symbol.asyncDispose]());

  for (const { name, command, can } of clients) {
    describe(name, { concurrency: AT_ONCE }, () => {
      let subject: Subject;
      before(async () => {
        subject = await startSubject(command);
      });
      after(() => subject?.[Symbol.asyncDispose]());

      it('can what it is said to', () => assert.deepEqual(subject.can, can));

      for (const each of cases.filter(({ needs = [] }) => needs.every((ability) => can.includes(ability)))) {
        it(`${each.name} (${each.rules})`, () => play(server, subject, each));
      }
    });
  }

  describe('a client that is wrong', { concurrency: true }, () => {
    let subject: Subject;
    before(async () => {
      subject = await startSubject(ours);
    });
    after(() => subject?.[Symbol.asyncDispose]());

    for (const [wrong, played, says] of wrongs) {
      it(`${wrong}: ${played} is red`, async () => {
        const [one] = casesOf([played]);
        await assert.rejects(play(server, subject, { ...longer(one!), connect: { wrong } }), says);
      });
    }

    it('that ends is told by its last words', () =>
      assert.rejects(startSubject([process.execPath, '-e', 'throw new Error("no such thing")']), /no such thing/));

    it('that is not there is told', () => assert.rejects(startSubject(['./no-such-client']), /ENOENT/));
  });
});
