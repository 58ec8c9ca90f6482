/** The formats of a stream, and how one of them is chosen (P9, P16). */
import assert from 'node:assert/strict';
import { shownOf } from '../../../loadtest/ledger/shown-from.ts';
import { waitFor } from '../../support/wait.ts';
import { assertProblem, type Envelope, HEARTBEAT_MS, type Kit, newChannel } from './kit.ts';
import { openLines, textsOf } from './lines.ts';

export function formatsTests(kit: Kit): void {
  const { it } = kit;

  const typeOf = async (query: string, accept: string | undefined) => {
    const headers = accept === undefined ? {} : { Accept: accept };
    const reader = await kit.stream(newChannel(), { query, headers });
    reader.close();
    return reader.status === 200 ? reader.headers['content-type']!.split(';')[0] : String(reader.status);
  };

  it('P9: the format is the query, else the best of Accept, else SSE', async () => {
    const [sse, ndjson, json, raw] = ['text/event-stream', 'application/x-ndjson', 'application/json', 'text/plain'];
    for (const [query, accept, expected] of [
      ['', undefined, sse],
      ['', '*/*', sse],
      ['', 'text/event-stream', sse],
      ['', 'text/*', sse],
      ['', 'application/x-ndjson', ndjson],
      ['', 'application/json', json],
      ['', 'text/plain', raw],
      ['', 'APPLICATION/JSON', json],
      ['', 'application/json, text/event-stream;q=0.5', json],
      ['', 'application/json;q=0.2, text/event-stream;q=0.5', sse],
      ['', 'application/json;q=0.2, */*;q=0.1', json],
      ['', 'text/event-stream;q=0, */*', ndjson],
      ['', 'text/html, application/xhtml+xml, */*;q=0.8', sse],
      ['', 'image/png', '406'],
      ['', 'text/html', '406'],
      ['', 'application/json;q=0', '406'],
      ['format=sse', 'application/json', sse],
      ['format=ndjson', 'text/event-stream', ndjson],
      ['format=json', 'text/event-stream', json],
      ['format=raw', 'image/png', raw],
    ] as const) {
      assert.equal(await typeOf(query, accept), expected, `${query} ${accept}`);
    }
  });

  it('P9: a format that there is not is 406, as is an empty one', async () => {
    for (const format of ['xml', 'SSE', 'msgpack', '', 'sse,json', '__proto__']) {
      assertProblem(await kit.get(`/c/${newChannel()}/events?format=${format}`), 406, 'not_acceptable');
    }
    assertProblem(await kit.get(`/c/${newChannel()}/events`, { accept: 'image/png' }), 406, 'not_acceptable');
  });

  it('P9: NDJSON is the same stream, an object a line, an empty line for silence', async () => {
    const channel = newChannel();
    await kit.send(channel, 'a');
    await using lines = await openLines(`${kit.streamUrl()}/c/${channel}/events?format=ndjson&since=earliest`);
    assert.equal(lines.headers['content-type'], 'application/x-ndjson');
    assert.equal(lines.headers['cache-control'], 'no-store, no-transform');
    assert.equal(lines.headers['x-accel-buffering'], 'no');
    assert.equal(lines.headers['x-content-type-options'], 'nosniff');
    await kit.send(channel, 'b');
    const [a, b] = await kit.settled(channel, 2);
    await waitFor(() => textsOf(lines).length >= 3, { what: 'three lines' });
    const [sync, ...events] = textsOf(lines);
    const told = JSON.parse(sync!) as Record<string, unknown>;
    assert.equal(told.event, '$sync');
    assert.equal(told.status, 'resumed');
    assert.equal(told.heartbeatMs, HEARTBEAT_MS);
    assert.ok(typeof told.id === 'string' && typeof told.channels === 'object');
    assert.deepEqual(
      events.map((line) => JSON.parse(line) as Envelope),
      [
        { id: a!.id, data: 'a' },
        { id: b!.id, data: 'b' },
      ],
    );
    const before = lines.lines.length;
    await waitFor(() => lines.lines.length > before, { what: 'a heartbeat' });
    assert.equal(lines.lines.at(-1), '');
    await using resumed = await openLines(`${kit.streamUrl()}/c/${channel}/events?format=ndjson`, {
      'Last-Event-ID': a!.id,
    });
    await waitFor(() => textsOf(resumed).length >= 2, { what: 'what follows the id' });
    assert.equal((JSON.parse(textsOf(resumed)[0]!) as { status: string }).status, 'resumed');
    assert.deepEqual(JSON.parse(textsOf(resumed)[1]!), { id: b!.id, data: 'b' });
  });

  it('P16: NDJSON has the fields that were asked for, and the channel when there are several', async () => {
    const [a, b] = [newChannel(), newChannel()];
    await using lines = await openLines(`${kit.streamUrl()}/c/${a},${b}/events?format=ndjson&with=from,seq`);
    await waitFor(() => textsOf(lines).length >= 1, { what: '$sync' });
    assert.equal((await kit.post(b, 'x', { from: 'p.1', seq: 9 })).status, 204);
    await waitFor(() => textsOf(lines).length >= 2, { what: 'the event' });
    const { id, ...rest } = JSON.parse(textsOf(lines)[1]!) as Envelope;
    assert.ok(id);
    assert.deepEqual(rest, { channel: b, from: shownOf('p.1'), seq: 9, data: 'x' });
  });

  it('P9: raw is a change a line, without control frames, and control characters become spaces', async () => {
    const channel = newChannel();
    await using lines = await openLines(`${kit.streamUrl()}/c/${channel}/events?format=raw&since=earliest`);
    assert.match(lines.headers['content-type']!, /^text\/plain/);
    const bodies = [
      'plain',
      'two\nlines',
      'cr\rlf\r\n',
      '\x1b[31mred\x07\x00',
      'tab\tstays',
      '\u0085\u009b1m',
      'é\u{1f600}',
    ];
    await kit.send(channel, ...bodies);
    await waitFor(() => textsOf(lines).length >= bodies.length, { what: 'all lines' });
    assert.deepEqual(textsOf(lines), [
      'plain',
      'two lines',
      'cr lf  ',
      ' [31mred  ',
      'tab\tstays',
      '  1m',
      'é\u{1f600}',
    ]);
  });
}
