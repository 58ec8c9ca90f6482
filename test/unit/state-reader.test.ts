/** A state read in pages: what it takes for a snapshot, and when it begins again. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { StateField } from '../../src/domain/state.ts';
import { readWhole, type StatePage } from '../../src/engine/redis/state-reader.ts';
import { EngineUnavailable } from '../../src/errors.ts';

const field = (offset: number): StateField => ({ offset, bytes: Uint8Array.of(offset) });

function page(part: Partial<StatePage>): StatePage {
  return { epoch: 'aaaaaa', head: 5, base: 0, server: 's', upTo: 5, cursor: '', fields: [], ...part };
}

/** Answers with these pages in turn, the last one for ever; what it was asked for. */
function storeOf(...pages: readonly StatePage[]) {
  const asked: [string, number | null][] = [];
  const readPage = async (cursor: string, after: number | null) => {
    asked.push([cursor, after]);
    return pages[Math.min(asked.length, pages.length) - 1]!;
  };
  return { asked, readPage };
}

it('takes a single page as it is', async () => {
  const { asked, readPage } = storeOf(page({ fields: [['a', field(1)]], server: '' }));
  assert.deepEqual(await readWhole(readPage), { epoch: 'aaaaaa', offset: 5, state: new Map([['a', field(1)]]) });
  assert.deepEqual(asked, [['0', null]]);
});

it('goes on until all fields and all changes up to the head were given, and what came last holds', async () => {
  const { asked, readPage } = storeOf(
    page({ cursor: '7', fields: [['a', field(1)]] }),
    page({ cursor: '9', head: 8, upTo: 7, fields: [['a', field(7)]] }),
    page({ cursor: '', head: 8, upTo: 8, fields: [['b', field(8)]] }),
  );
  const { offset, state } = await readWhole(readPage);
  assert.deepEqual(
    [offset, [...state]],
    [
      8,
      [
        ['a', field(7)],
        ['b', field(8)],
      ],
    ],
  );
  assert.deepEqual(asked, [
    ['0', null],
    ['7', 5],
    ['9', 7],
  ]);
});

it('does not end while changes before the head are missing', async () => {
  const { asked, readPage } = storeOf(
    page({ cursor: '7' }),
    page({ head: 9, upTo: 6, fields: [['a', field(6)]] }),
    page({ head: 10, upTo: 10, fields: [['b', field(10)]] }),
  );
  assert.equal((await readWhole(readPage)).offset, 10);
  assert.deepEqual(asked, [
    ['0', null],
    ['7', 5],
    ['', 6],
  ]);
});

const doubts: Record<string, Partial<StatePage>> = {
  'the store cannot tell any more what changed': { upTo: null },
  'it has another epoch': { epoch: 'bbbbbb' },
  'the channel was forgotten and made again': { base: 5, head: 8, upTo: 8 },
  'the channel was forgotten': { base: null, head: 8, upTo: 8 },
  'another Redis answers, to which the cursor means nothing': { server: 'other' },
};
for (const [what, part] of Object.entries(doubts)) {
  it(`begins again with nothing when ${what}`, async () => {
    const { readPage } = storeOf(
      page({ cursor: '7', fields: [['old', field(1)]] }),
      page({ cursor: '9', fields: [['old', field(2)]], ...part }),
      page({ ...part, upTo: part.head ?? 5, fields: [['new', field(3)]] }),
    );
    assert.deepEqual([...(await readWhole(readPage)).state], [['new', field(3)]]);
  });
}

it('says that it cannot be read when it had to begin again too often, and never goes on for ever', async () => {
  let asked = 0;
  const lost = async (cursor: string) => {
    asked++;
    return cursor === '0' ? page({ cursor: '7' }) : page({ upTo: null });
  };
  await assert.rejects(readWhole(lost), EngineUnavailable);
  assert.equal(asked, 10);
  const behind = async (_cursor: string, after: number | null) => page({ head: 1_000_000, upTo: (after ?? 0) + 1 });
  await assert.rejects(readWhole(behind), EngineUnavailable);
});
