/** `npm run archive` on the directory of a single box. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import Libsql from 'libsql';
import { createDurableEngine } from '../../src/engine/durable/engine.ts';
import { generousOptions } from '../contract/engine/kit.ts';
import { merge } from '../engine/merge.ts';
import { makeFolder } from '../support/folder.ts';
import { runTool } from './run-tool.ts';

const KEPT = 5;

const openBox = (dataDir: string) =>
  createDurableEngine({
    ...{ ...generousOptions, shards: 1, historyMaxEvents: KEPT, dataDir },
    ...{ keepsAll: true, keptMs: () => Number.POSITIVE_INFINITY },
  });

const numbered = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => `${first + i}`);

async function filled(dataDir: string): Promise<void> {
  const box = await openBox(dataDir);
  for (let first = 1; first <= 60; first += 20) await merge(box, 'room', ...numbered(first, first + 19));
  await merge(box, 'other', 'x');
  await box.close();
}

describe('npm run archive, of a box', () => {
  it('tells how much there is, and gives it, also what histories have given up', async () => {
    using folder = makeFolder();
    await filled(folder.path);
    const env = { DATA_DIR: folder.path };
    assert.match(
      (await runTool(env, 'status')).out,
      /^2 channels, 2 logs, 61 events, \d+ KiB\nshard 0: epoch \w+, rev 4\n$/,
    );
    assert.deepEqual(await runTool(env, 'verify'), { code: 0, out: '2 logs, 61 events, 0 faults\n', error: '' });
    assert.deepEqual(await runTool(env, 'migrate'), { code: 0, out: 'nothing to do\n', error: '' });
    const { out, error } = await runTool(env, 'export', '--channel', 'room');
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { offset: number; data: string });
    assert.deepEqual(
      lines.map(({ data }) => data),
      numbered(1, 60),
    );
    assert.deepEqual([lines[0]!.offset, lines.at(-1)!.offset, error], [1, 60, '60 events\n']);
    const box = await openBox(folder.path);
    await merge(box, 'room', '61');
    assert.equal((await box.readHistory('room', null, 1)).log.head, 61, 'and the box goes on');
    await box.close();
  });

  it('finds what is missing', async () => {
    using folder = makeFolder();
    await filled(folder.path);
    // Whoever opens it puts all that is accepted in its place.
    await (await openBox(folder.path)).close();
    const db = new Libsql(join(folder.path, 'smallchange.db'));
    db.exec('DELETE FROM events WHERE first = 21');
    db.close();
    const { code, out } = await runTool({ DATA_DIR: folder.path }, 'verify');
    assert.match(out, /^room, log \d+: 21 to 40 are missing\n2 logs, 41 events, 1 faults\n$/);
    assert.equal(code, 1);
  });

  it('takes none that is in use, and makes none', async () => {
    using folder = makeFolder();
    const box = await openBox(folder.path);
    const busy = await runTool({ DATA_DIR: folder.path }, 'status');
    assert.deepEqual([busy.code, busy.out], [1, '']);
    assert.match(busy.error, /^DATA_DIR \S+ is in use by process \d+ on /);
    await box.close();
    const none = await runTool({ DATA_DIR: join(folder.path, 'none') }, 'status');
    assert.match(none.error, /^DATA_DIR \S+none has no smallchange\.db: nothing was ever kept there\.\n$/);
  });
});
