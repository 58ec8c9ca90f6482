/** Sessions that came a moment ago are known by their id: as they were read, until they end, and for as long as they come again. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { FoundSession } from '../../src/access/sessions/known-sessions.ts';
import { LocalSession } from '../../src/access/sessions/local-session.ts';
import { RecentSessions } from '../../src/access/sessions/recent-sessions.ts';

const END_MS = 1_000;

function found(): FoundSession {
  const session = new LocalSession({ sub: 'alice', expiresMs: END_MS, issuedS: 0, jti: null });
  session.stamp = 1;
  return { session, principal: { stamp: 1 } as FoundSession['principal'] };
}

it('a session is found by its id until it ends, or is another', () => {
  const recent = new RecentSessions();
  const { session, principal } = found();
  recent.keep('a', { session, principal });
  assert.equal(recent.find('a', END_MS - 1), principal);
  assert.equal(recent.find('a', END_MS), undefined);
  assert.equal(recent.find('b', 0), undefined);
  session.stamp = 2;
  assert.equal(recent.find('a', 0), undefined);
});

it('it stays while it comes between two sweeps, and goes with the third that has not seen it', () => {
  const recent = new RecentSessions();
  const [one, other] = [found(), found()];
  recent.keep('one', one);
  recent.keep('other', other);
  for (let i = 0; i < 2; i++) assert.equal(recent.sweep().size, 2);
  assert.ok(recent.find('one', 0));
  assert.deepEqual([...recent.sweep()], [one.session]);
  assert.equal(recent.find('other', 0), undefined);
  assert.ok(recent.find('one', 0));
});

it('there is room for so many; the first goes', () => {
  const recent = new RecentSessions();
  for (let i = 0; i <= 10_000; i++) recent.keep(`${i}`, found());
  assert.equal(recent.find('0', 0), undefined);
  assert.ok(recent.find('1', 0) && recent.find('10000', 0));
});
