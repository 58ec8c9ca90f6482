/** A page that was asked for before something was erased, and comes after it was told, is given to nobody and kept nowhere. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { erasedForm } from '../../src/domain/event.ts';
import type { DatedPage } from '../../src/engine/engine.ts';
import { createPageSlots, HubPages } from '../../src/gateway/hub/hub-pages.ts';
import { Ring } from '../../src/gateway/hub/ring.ts';
import { event, textOf } from '../contract/engine/kit.ts';

const EPOCH = 'epoch1';
const said = Array.from({ length: 5 }, (_, i) => event(6 + i, `secret ${i}`, { from: 'alice.1', seq: i + 1 }));

function createBench() {
  const ring = new Ring({ account() {} });
  ring.begin(10);
  ring.append([event(11, 'x')]);
  const hub = {
    ...{ channel: 'room', epoch: EPOCH, comparisons: 0, isStoreAway: false },
    get head() {
      return ring.head;
    },
    covers: ({ offset }: { offset: number }) => offset >= ring.floor && offset <= ring.head,
    repaired: async () => {},
  };
  const held: (() => void)[] = [];
  let log = said;
  const histories = {
    async readHistory(): Promise<DatedPage> {
      const events = log;
      await new Promise<void>((resolve) => held.push(resolve));
      return {
        kind: 'events',
        ...{ clockMs: 0, events },
        log: { epoch: EPOCH, head: ring.head, base: 0, oldest: 1, forgotten: 0 },
      };
    },
  };
  const pages = new HubPages(hub, ring, histories, createPageSlots());
  const erase = () => {
    log = said.map(erasedForm);
    ring.append([erasedForm(event(12, ''))]);
  };
  const answer = async () => {
    // As many turns as a read takes to begin.
    for (let i = 0; i < 20; i++) await undefined;
    for (const each of held.splice(0)) each();
  };
  return { ring, pages, erase, answer };
}

const at = { epoch: EPOCH, offset: 5 };

it('is read again', async () => {
  const { ring, pages, erase, answer } = createBench();
  const asked = pages.page(at);
  await answer().then(erase);
  await answer();
  const page = await asked;
  assert.ok(page.kind === 'events');
  assert.deepEqual(page.events.map(textOf), ['', '', '', '', '']);
  assert.ok(ring.after(0).every((each) => textOf(each) === ''));
});

it('is shared with nobody who asks once it is told', async () => {
  const { pages, erase, answer } = createBench();
  const before = pages.page(at);
  erase();
  const after = pages.page(at);
  for (let i = 0; i < 3; i++) await answer();
  for (const page of await Promise.all([before, after])) {
    assert.ok(page.kind === 'events' && page.events.every((each) => textOf(each) === ''));
  }
});
