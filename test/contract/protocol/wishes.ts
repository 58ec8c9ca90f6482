/** What a client may ask of its stream's control frames, and what it is told for its own work: heartbeats, limits, a probe (P10, P11, P31). */
import assert from 'node:assert/strict';
import { waitFor } from '../../support/wait.ts';
import {
  assertProblem,
  BATCH_MAX_BYTES,
  BATCH_MAX_CHANGES,
  HEARTBEAT_MS,
  isNamed,
  type Kit,
  MAX_CHANGE_BYTES,
  newChannel,
} from './kit.ts';
import { openLines, textsOf } from './lines.ts';

/** As long as the two are apart. */
const PROBE_MS = 300;

export function wishesTests(kit: Kit): void {
  const { it } = kit;

  it('P10: with heartbeat=event silence is an event that has no id', async () => {
    const channel = newChannel();
    const { reader } = await kit.live(channel, { query: 'heartbeat=event' });
    await using _ = reader;
    for (let i = 0; i < 2; i++) {
      const frame = await reader.next();
      assert.deepEqual(frame, { id: undefined, event: '$beat', data: '{}', retry: undefined, comments: [] });
    }
    await kit.send(channel, 'x');
    assert.equal((await reader.next(({ event }) => event !== '$beat')).data, 'x');

    const url = `${kit.streamUrl()}/c/${channel}/events?heartbeat=event&format=`;
    await using ndjson = await openLines(`${url}ndjson`);
    await using raw = await openLines(`${url}raw`);
    const isSilent = () => textsOf(ndjson).length > 1 && raw.lines.length > 0;
    await waitFor(isSilent, { timeoutMs: 50 * HEARTBEAT_MS, what: 'a heartbeat in lines' });
    assert.deepEqual(JSON.parse(textsOf(ndjson)[1]!), { event: '$beat' });
    assert.equal(raw.lines[0], '', 'raw has none to show');
  });

  it('P10: without it, or with heartbeat=comment, it is a comment; anything else is 400', async () => {
    const { reader } = await kit.live(newChannel(), { query: 'heartbeat=comment' });
    await using _ = reader;
    assert.deepEqual((await reader.next(() => true)).comments, ['']);
    const path = `/c/${newChannel()}/events`;
    await using lines = await openLines(`${kit.streamUrl()}${path}`);
    await waitFor(() => lines.lines.filter((line) => line === ':').length >= 3, { what: 'some heartbeats' });
    // Some parsers take an empty line for the end of an event, and show one without data.
    assert.deepEqual(lines.lines.slice(-3), [':', ':', ':']);
    for (const value of ['', '1', 'Event', 'event,comment']) {
      assertProblem(await kit.get(`/c/room/events?heartbeat=${value}`), 400, 'bad_parameter');
    }
  });

  it('P11: the first frame tells who sends how much a change may have, and for how long it is remembered', async () => {
    const channel = newChannel();
    const url = `${kit.streamUrl()}/c/${channel}/events?format=ndjson`;
    await using lines = await openLines(url);
    await waitFor(() => textsOf(lines).length > 0, { what: '$sync' });
    const told = JSON.parse(textsOf(lines)[0]!) as Record<string, number>;
    assert.deepEqual([told.maxChangeBytes, told.dedupeTtlS], [MAX_CHANGE_BYTES, 86_400]);
    assert.deepEqual([told.maxBatchChanges, told.maxBatchBytes], [BATCH_MAX_CHANGES, BATCH_MAX_BYTES]);
    assert.equal((await kit.post(channel, 'x'.repeat(told.maxChangeBytes!))).status, 204);
    assertProblem(await kit.post(channel, 'x'.repeat(told.maxChangeBytes! + 1)), 413);
  });

  it('P31: a probe is a frame at once and another a little later, so that who buffers them is found out', async () => {
    let apartMs = 0;
    // On a machine that stood still both may be read at once: then once more.
    for (let tries = 0; tries < 30 && apartMs < PROBE_MS / 2; tries++) {
      const { reader } = await kit.live(newChannel(), { query: 'probe=1' });
      await using _ = reader;
      const first = await reader.next(isNamed('$probe'));
      const startedMs = performance.now();
      const second = await reader.next(isNamed('$probe'));
      apartMs = performance.now() - startedMs;
      assert.deepEqual(
        [first, second].map(({ data, id }) => [data, id]),
        [
          ['{"n":1,"ms":0}', undefined],
          [`{"n":2,"ms":${PROBE_MS}}`, undefined],
        ],
      );
    }
    assert.ok(apartMs > PROBE_MS / 2, `${apartMs} ms`);
    assertProblem(await kit.get('/c/room/events?probe=2'), 400, 'bad_parameter');
  });
}
