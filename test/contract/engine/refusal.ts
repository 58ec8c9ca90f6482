/** Contract of a refused `commit`: it changes nothing at all, which is shown by reading everything before and after. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Commit, CommitOutcome } from '../../../src/engine/engine.ts';
import { type Bench, bytesOf, type Open, TOKEN } from './kit.ts';

const FROMS = ['p.1', 'q.1'];

export function refusalTests(open: Open): void {
  /** A shard with two channels, state, publishers and a full inbox, and a commit that would change all of it. */
  async function prepare(bench: Bench) {
    const [a, b, fresh] = [bench.channel(), bench.channel(), bench.channel()];
    const state = (offset: number, text: string) => new Map([['f', { offset, bytes: bytesOf(text) }]]);
    await bench.commit(0, [
      { channel: a, events: ['1', '2'], reducer: 'latest', state: state(2, 'old'), seqs: { 'p.1': 2 } },
      { channel: b, events: ['3'], seqs: { 'q.1': 1 } },
    ]);
    await bench.append(a, '4');
    await bench.append(b, '5');
    await bench.append(fresh, '6');
    const commit = await bench.draft(
      0,
      [
        { channel: a, events: ['4'], reducer: 'latest', state: state(3, 'new'), seqs: { 'p.1': 3 } },
        { channel: b, events: ['5'], seqs: { 'q.1': 2 } },
        { channel: fresh, events: ['6'], seqs: { 'p.1': 1 } },
      ],
      { entries: 3, unreadable: [bytesOf('bad')] },
    );
    const published: string[] = [];
    for (const channel of [a, b, fresh]) {
      await bench.engine.subscribe(channel, { published: () => published.push(channel), suspect: () => {} });
    }
    return { channels: [a, b, fresh] as const, commit, published };
  }

  /** Sends `wrong`, shows that nothing came of it, and then that the right one still goes through. */
  async function refuses(
    bench: Bench,
    { channels, commit, published }: Awaited<ReturnType<typeof prepare>>,
    wrong: Commit,
    reason: Extract<CommitOutcome, { kind: 'refused' }>['reason'],
  ): Promise<void> {
    const before = await bench.everything(0, channels, FROMS);
    assert.deepEqual(await bench.engine.commit(0, wrong), { kind: 'refused', reason });
    assert.deepEqual(await bench.everything(0, channels, FROMS), before);
    assert.equal((await bench.engine.commit(0, commit)).kind, 'committed');
    await bench.until('the right commit to be published', () => published.length >= 3);
    assert.deepEqual([...published].sort(), [...channels].sort(), 'only the right commit is published');
  }

  it('for a token that has not the lease', async () => {
    await using bench = await open();
    const prepared = await prepare(bench);
    await refuses(bench, prepared, { ...prepared.commit, token: 'stranger' }, 'lease');
  });

  it('for a token that gave the lease back', async () => {
    await using bench = await open();
    const prepared = await prepare(bench);
    const before = await bench.everything(0, prepared.channels, FROMS);
    await bench.engine.release(0, TOKEN);
    assert.deepEqual(await bench.engine.commit(0, prepared.commit), { kind: 'refused', reason: 'lease' });
    assert.deepEqual(await bench.everything(0, prepared.channels, FROMS), before);
  });

  it('for a shard that nobody holds', async () => {
    await using bench = await open();
    const channel = bench.channel();
    const commit = await bench.draft(0, [{ channel, events: ['1'] }]);
    await bench.engine.release(0, TOKEN);
    assert.deepEqual(await bench.engine.commit(0, commit), { kind: 'refused', reason: 'lease' });
    assert.deepEqual(await bench.texts(channel), []);
  });

  for (const [name, difference] of [
    ['an older rev', -1],
    ['a rev ahead of the shard', 1],
  ] as const) {
    it(`for ${name}`, async () => {
      await using bench = await open();
      const prepared = await prepare(bench);
      await refuses(bench, prepared, { ...prepared.commit, rev: prepared.commit.rev + difference }, 'rev');
    });
  }

  it('for a head that differs, in whichever channel', async () => {
    for (const index of [0, 1, 2]) {
      for (const head of [null, 1, 2, 3, 4, 99]) {
        await using bench = await open();
        const prepared = await prepare(bench);
        const { commit } = prepared;
        if (head === commit.channels[index]!.head) continue;
        const channels = commit.channels.map((each, i) => {
          if (i !== index) return each;
          const events = each.events.map((one) => ({ ...one, offset: (head ?? 3) + 1 }));
          return { ...each, head, events };
        });
        await refuses(bench, prepared, { ...commit, channels }, 'head');
      }
    }
  });

  it('for a head that differs in a channel that gets no events', async () => {
    await using bench = await open();
    const prepared = await prepare(bench);
    const [first, ...rest] = prepared.commit.channels;
    const wrong = { ...first!, head: 1, events: [], state: new Map() };
    await refuses(bench, prepared, { ...prepared.commit, channels: [...rest, wrong] }, 'head');
  });

  it('when it is repeated, because of its rev', async () => {
    await using bench = await open();
    const { channels, commit } = await prepare(bench);
    assert.equal((await bench.engine.commit(0, commit)).kind, 'committed');
    const after = await bench.everything(0, channels, FROMS);
    for (let times = 0; times < 3; times++) {
      assert.deepEqual(await bench.engine.commit(0, commit), { kind: 'refused', reason: 'rev' });
    }
    assert.deepEqual(await bench.everything(0, channels, FROMS), after);
  });

  it('to all but one of those that were made from the same peek', async () => {
    await using bench = await open();
    const { channels, commit } = await prepare(bench);
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => bench.engine.commit(0, commit)));
    assert.equal(outcomes.filter(({ kind }) => kind === 'committed').length, 1);
    assert.deepEqual(await bench.texts(channels[0]), ['1', '2', '4']);
    assert.deepEqual((await bench.peek()).entries, []);
  });
}
