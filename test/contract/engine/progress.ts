/** Contract of `readProgress`: who sees `accepted`, and later a `merged` that is not less, knows that all of it is merged. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { change, type Open } from './kit.ts';

export function progressTests(open: Open): void {
  it('begins with nothing, and counts what waits', async () => {
    await using bench = await open();
    const before = await bench.engine.readProgress(0);
    assert.equal(before.accepted, before.merged);
    const channel = bench.channel();
    await bench.engine.append([change(channel, '1'), change(channel, '2'), change(channel, '3')]);
    const { merged, accepted } = await bench.engine.readProgress(0);
    assert.deepEqual([merged, accepted], [before.merged, before.merged + 3]);
  });

  it('goes on with what a commit takes from the inbox, in the very step that writes the events', async () => {
    await using bench = await open();
    const channel = bench.channel();
    const { merged: before } = await bench.engine.readProgress(0);
    await bench.engine.append([change(channel, '1'), change(channel, '2'), change(channel, '3')]);
    await bench.peek();
    await bench.commit(0, [{ channel, events: ['1', '2'] }], { entries: 2 });
    assert.deepEqual(await bench.engine.readProgress(0), { merged: before + 2, accepted: before + 3 });
    await bench.engine.append([change(channel, '4')]);
    await bench.peek();
    await bench.commit(0, [{ channel, events: ['3', '4'] }], { entries: 2 });
    assert.deepEqual(await bench.engine.readProgress(0), { merged: before + 4, accepted: before + 4 });
  });

  it('does not go on with a commit that was refused', async () => {
    await using bench = await open();
    const channel = bench.channel();
    await bench.engine.append([change(channel, '1')]);
    await bench.peek();
    const before = await bench.engine.readProgress(0);
    const late = await bench.draft(0, [{ channel, events: ['1'] }], { entries: 1, rev: 7 });
    const refused = await bench.engine.commit(0, late);
    assert.equal(refused.kind, 'refused');
    assert.deepEqual(await bench.engine.readProgress(0), before);
  });
}
