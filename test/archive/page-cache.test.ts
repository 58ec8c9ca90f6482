/** Pages that many ask for are read once; what may still change is read each time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ArchivedPage, ArchiveReader } from '../../src/archive/archive.ts';
import { withPageCache } from '../../src/archive/page-cache.ts';
import { ArchiveUnavailable } from '../../src/errors.ts';
import { event } from '../contract/engine/kit.ts';

const HEAD = 100;

/** Of an archive with so many events of so many bytes. */
function counted({ head = HEAD, bytes = 1, fails = (): boolean => false } = {}) {
  const asked: number[] = [];
  let nowMs = 0;
  const archive: ArchiveReader = {
    ready: async () => {},
    close: async () => {},
    async read(_channel, after, limit): Promise<ArchivedPage> {
      asked.push(after);
      await Promise.resolve();
      if (fails()) throw new ArchiveUnavailable('planted');
      const count = Math.max(0, Math.min(limit, head - after));
      const events = Array.from({ length: count }, (_, i) => event(after + 1 + i, 'x'.repeat(bytes)));
      return { log: { id: '1', epoch: 'epoch1', base: 0, oldest: 1, head }, events };
    },
  };
  const cached = withPageCache(archive, { wallMs: () => 0, elapsedMs: () => nowMs });
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { cached, asked, pass };
}

describe('pages of the archive', () => {
  it('are read once for all who ask for the same, at once and a little later', async () => {
    const { cached, asked, pass } = counted();
    const pages = await Promise.all(Array.from({ length: 1_000 }, () => cached.read('a', 10, 20, 1_000)));
    assert.ok(pages.every((page) => page === pages[0]));
    pass(29_999);
    await cached.read('a', 10, 20, 1_000);
    assert.deepEqual(asked, [10]);
    await cached.read('b', 10, 20, 1_000);
    await cached.read('a', 11, 20, 1_000);
    await cached.read('a', 10, 21, 1_000);
    assert.deepEqual(asked, [10, 10, 11, 10]);
  });

  it('are read again once the channel has told that something was erased', async () => {
    const { cached, asked } = counted();
    for (const erased of [0, 0, 90, 90, 95]) await cached.read('a', 10, 20, 1_000, erased);
    assert.deepEqual(asked, [10, 10, 10]);
  });

  it('are read again after 30 s', async () => {
    const { cached, asked, pass } = counted();
    await cached.read('a', 10, 20, 1_000);
    pass(30_000);
    await cached.read('a', 10, 20, 1_000);
    assert.deepEqual(asked, [10, 10]);
  });

  it('are read each time while more may come to them', async () => {
    const { cached, asked } = counted();
    await cached.read('a', 90, 20, 1_000);
    await cached.read('a', 90, 20, 1_000);
    await cached.read('a', 100, 20, 1_000);
    await cached.read('a', 100, 20, 1_000);
    assert.deepEqual(asked, [90, 90, 100, 100]);
  });

  it('are read again after a read that failed', async () => {
    let isAway = true;
    const { cached, asked } = counted({ fails: () => isAway });
    await assert.rejects(cached.read('a', 10, 20, 1_000), ArchiveUnavailable);
    isAway = false;
    await cached.read('a', 10, 20, 1_000);
    assert.deepEqual(asked, [10, 10]);
  });

  it('are kept up to 16 MiB, the newest of them', async () => {
    const { cached, asked } = counted({ head: 10_000, bytes: 200_000 });
    for (let after = 0; after < 100; after++) await cached.read('a', after, 1, 1_000);
    await cached.read('a', 99, 1, 1_000);
    await cached.read('a', 30, 1, 1_000);
    assert.equal(asked.length, 100);
    await cached.read('a', 0, 1, 1_000);
    assert.equal(asked.length, 101);
  });
});
