/** `npm run archive` on the directory of a single box. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import Libsql from 'libsql';
import { createDurableEngine } from '../../src/engine/durable/engine.ts';
import { change, generousOptions } from '../contract/engine/kit.ts';
import { createLogMerger } from '../engine/log-merger.ts';
import { merge } from '../engine/merge.ts';
import { makeFolder } from '../support/folder.ts';
import { waitFor } from '../support/wait.ts';
import { runTool } from './run-tool.ts';

const KEPT = 5;
const CHANNEL = 'latest-moods';

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

/** While nobody has it. */
function alter(dataDir: string, ...statements: string[]): void {
  const db = new Libsql(join(dataDir, 'smallchange.db'));
  for (const statement of statements) db.exec(statement);
  db.close();
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
    alter(folder.path, 'DELETE FROM events WHERE first = 21');
    const { code, out } = await runTool({ DATA_DIR: folder.path }, 'verify');
    assert.match(out, /^room, log \d+: 21 to 40 are missing\n2 logs, 41 events, 1 faults\n$/);
    assert.equal(code, 1);
  });

  it('folds states anew, and finds one that is another', async () => {
    using folder = makeFolder();
    const box = await openBox(folder.path);
    const merger = createLogMerger(box);
    await merger.start();
    const sent = Array.from({ length: 12 }, (_, i) => change(CHANNEL, `${i}`, { from: `p${i % 3}.n`, seq: i + 1 }));
    await box.append(sent);
    const isMerged = async () => (await box.readHistory(CHANNEL, null, 1)).log.head >= sent.length;
    await waitFor(isMerged, { what: 'all to be merged' });
    await merger.stop();
    await box.close();
    const env = { DATA_DIR: folder.path };
    const whole = '1 logs, 12 events, 1 of 1 states folded anew, 0 faults\n';
    assert.deepEqual(await runTool(env, 'verify'), { code: 0, out: whole, error: '' });
    alter(folder.path, "UPDATE fields SET bytes = X'78' WHERE name = 'p1'", "DELETE FROM fields WHERE name = 'p2'");
    const { code, out } = await runTool(env, 'verify');
    assert.equal(code, 1);
    assert.match(
      out,
      /the field "p1" is not what latest makes of the events\n.*the field "p2" is not.*\n.*, 2 faults\n$/,
    );
    alter(folder.path, 'DELETE FROM events WHERE first = 1');
    assert.match((await runTool(env, 'verify')).out, /0 of 1 states folded anew/, 'without its oldest events');
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
