/** A publisher's nonce is its secret: readers are not shown it, and with what they are shown nobody can send as that publisher (P4). */
import assert from 'node:assert/strict';
import { shownOf } from '../../../loadtest/ledger/shown-from.ts';
import { waitFor } from '../../support/wait.ts';
import { assertProblem, type Kit, newChannel } from './kit.ts';
import { openLines, textsOf } from './lines.ts';

const NONCE = 'Zq7-a_secret_nonce_of_a_publisher-x90';
const FROM = `victim.${NONCE}`;
const SHOWN = shownOf(FROM);
const TAG = SHOWN.slice('victim~'.length);

/** A machine under load has eighteen streams to serve. */
const PATIENCE_MS = 20_000;

/** Of streams of one channel or of several; the change comes live in all of them. */
const STREAMS = [
  'with=from,seq,at',
  'with=from&since=earliest',
  'with=from&since=nonsense',
  'with=from&snapshot=1',
  'with=from&conflate=20ms',
  'with=from&conflate=20ms&since=earliest',
  'with=from,at&format=ndjson',
  'format=raw&since=earliest',
  'since=earliest',
];

export function publishersTests(kit: Kit): void {
  const { it } = kit;

  const publish = async (channel: string, seq: number) => {
    assert.equal((await kit.post(channel, `change ${seq}`, { from: FROM, seq })).status, 204);
  };

  it('P4: no stream shows a nonce, in any format, however it begins', async () => {
    const [channel, other] = [newChannel('latest'), newChannel()];
    await publish(channel, 1);
    await kit.settled(channel, 1);
    const paths = STREAMS.flatMap((query) => [`${channel}/events?${query}`, `${other},${channel}/events?${query}`]);
    const readers = await Promise.all(paths.map((path) => openLines(`${kit.streamUrl()}/c/${path}`)));
    await waitFor(() => readers.every((reader) => textsOf(reader).length > 0), {
      what: 'streams that are live',
      timeoutMs: PATIENCE_MS,
    });
    await publish(channel, 2);
    for (const [i, reader] of readers.entries()) {
      const text = () => reader.lines.join('\n');
      await waitFor(() => text().includes('change 2'), { what: `change 2 on ${paths[i]}`, timeoutMs: PATIENCE_MS });
      assert.ok(!text().includes(NONCE), `${paths[i]}: ${text()}`);
      if (paths[i]!.includes('with=from')) assert.ok(text().includes(`"from":"${SHOWN}"`), `${paths[i]}: ${text()}`);
      await reader[Symbol.asyncDispose]();
    }
  });

  it('P4: no poll, history, state or snapshot shows a nonce', async () => {
    const channel = newChannel('latest');
    await publish(channel, 1);
    const [{ id }] = (await kit.settled(channel, 1)) as [{ id: string }];
    const paths = [
      `/c/${channel}/events?format=json&with=from&since=earliest`,
      `/c/${channel},${newChannel()}/events?format=json&with=from&since=earliest`,
      `/c/${channel}/events?format=json&with=from&since=nonsense`,
      `/c/${channel}/events?format=json&with=from&snapshot=1`,
      `/c/${channel}/history`,
      `/c/${channel}/history?since=nonsense`,
      `/c/${channel}/state`,
      `/c/${channel}/state?since=${id}`,
    ];
    for (const path of paths) {
      const answer = await kit.get(path);
      assert.equal(answer.status, 200, path);
      const text = `${JSON.stringify(answer.headers)} ${answer.body}`;
      assert.ok(!text.includes(NONCE), `${path}: ${text}`);
      if (/history|earliest/.test(path)) assert.ok(text.includes(`"from":"${SHOWN}"`), `${path}: ${text}`);
    }
  });

  it('P4: with what is shown of a publisher nobody can send in its place, nor end what is taken from it', async () => {
    const channel = newChannel();
    await publish(channel, 1);
    await kit.settled(channel, 1);
    const last = Number.MAX_SAFE_INTEGER;
    for (const method of ['POST', 'PUT'] as const) {
      assertProblem(await kit.post(channel, 'attack', { method, from: SHOWN, seq: last }), 400, 'bad_from');
      const headers = { 'change-from': SHOWN, 'change-seq': String(last) };
      assertProblem(await kit.post(channel, 'attack', { method, headers }), 400, 'bad_from');
    }
    // What anybody may send: it is of another publisher of that name, and is shown to be.
    assert.equal((await kit.post(channel, 'of another', { from: `victim.${TAG}`, seq: last })).status, 204);
    await publish(channel, 2);
    await publish(channel, 3);
    const events = await kit.settled(channel, 4);
    assert.deepEqual(
      events.map(({ from, data }) => [from, data]),
      [
        [SHOWN, 'change 1'],
        [shownOf(`victim.${TAG}`), 'of another'],
        [SHOWN, 'change 2'],
        [SHOWN, 'change 3'],
      ],
    );
  });
}
