/** `POST /admin/erase` over memory: what is left of somebody, who is told, and who is not disturbed (P43). */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startLocalApp } from '../support/app.ts';
import { Listening } from '../support/listening.ts';
import { waitFor } from '../support/wait.ts';
import {
  ADMIN_KEY,
  askToErase,
  assertContiguous,
  erase,
  historyOf,
  merged,
  numbersOf,
  SECRET,
  secrets,
  send,
  stateOf,
} from './kit.ts';

const ENV = { ADMIN_KEY, REDUCERS: 'latest-*=latest,tally-*=tally' };
const ALICE = 'alice.k3f9';

async function snapshotsOf(url: string, channel: string): Promise<string> {
  const answer = await fetch(`${url}/c/${channel}/events?format=json&snapshot=1&since=zzzzzz.1`);
  return answer.text();
}

describe('a publisher that is erased', () => {
  it('leaves the places of its events, and nothing that it said', async () => {
    await using app = await startLocalApp(ENV);
    const { url } = app;
    await send(url, 'log', ALICE, secrets(3));
    await send(url, 'log', 'bob.1', ['hello', 'there']);
    await send(url, 'log', 'alice.2', secrets(2));
    const before = await merged(url, 'log', 7);
    assert.deepEqual(await erase(url, 'alice'), { name: 'alice', events: 5, channels: 1, fields: 0 });
    const after = await historyOf(url, 'log');
    assertContiguous(after);
    assert.deepEqual(
      after.slice(0, 7).map(({ id, at }) => ({ id, at })),
      before.map(({ id, at }) => ({ id, at })),
    );
    assert.deepEqual(after.slice(3, 5), before.slice(3, 5));
    for (const { data, erased, from } of [...after.slice(0, 3), ...after.slice(5)]) {
      assert.deepEqual([data, erased, from], ['', true, undefined]);
    }
    assert.equal(after.length, 8, 'and one that tells of it');
    assert.deepEqual(await erase(url, 'alice'), { name: 'alice', events: 0, channels: 0, fields: 0 });
    assert.deepEqual(await erase(url, 'nobody'), { name: 'nobody', events: 0, channels: 0, fields: 0 });
    assert.equal((await historyOf(url, 'log')).length, 8);
  });

  it('is in no state, and not in what a cursor from before is given of one', async () => {
    await using app = await startLocalApp(ENV);
    const { url } = app;
    for (const channel of ['latest-1', 'tally-1']) {
      await send(url, channel, 'bob.1', ['hello']);
      await send(url, channel, ALICE, [...secrets(2), 'hello']);
      await merged(url, channel, 4);
    }
    const { cursor } = (await stateOf(url, 'latest-1')) as { cursor: string };
    assert.ok((await snapshotsOf(url, 'tally-1')).includes(SECRET));
    const told = await erase(url, 'alice');
    assert.deepEqual(told, { name: 'alice', events: 6, channels: 2, fields: 4 });
    const latest = await stateOf(url, 'latest-1');
    assert.deepEqual([latest.state, latest.complete], [{ bob: 'hello' }, true]);
    assert.deepEqual((await stateOf(url, 'tally-1')).state, { hello: '1' });
    const since = await stateOf(url, 'latest-1', cursor);
    assert.deepEqual([since.state, since.complete], [{ bob: 'hello' }, true], 'all of it, not what changed');
    const part = await stateOf(url, 'latest-1', String(since.cursor));
    assert.deepEqual([part.state, part.complete], [{}, false]);
    for (const channel of ['latest-1', 'tally-1']) {
      const text = await snapshotsOf(url, channel);
      assert.ok(text.includes('"snapshots"') && !text.includes(SECRET), text);
    }
    await send(url, 'latest-1', ALICE, ['back'], 4);
    await waitFor(async () => ((await stateOf(url, 'latest-1')).state as { alice?: string }).alice === 'back', {
      what: 'what is sent from then on to be as ever',
    });
  });

  it('is told to streams in an event without data, and none of them is reset', async () => {
    await using app = await startLocalApp(ENV);
    const { url } = app;
    await send(url, 'log', ALICE, secrets(2));
    await send(url, 'other', 'bob.1', ['hello']);
    await merged(url, 'log', 2);
    const accept = { accept: 'text/event-stream' };
    const plain = await Listening.open(`${url}/c/log/events?since=earliest`, accept);
    const joined = await Listening.open(`${url}/c/log,other/events?with=from`, accept);
    const other = await Listening.open(`${url}/c/other/events`, accept);
    const lines = await Listening.open(`${url}/c/log/events?snapshot=1`, accept);
    await waitFor(() => plain.text.includes(`${SECRET} 1`), { what: 'what she said' });
    const before = other.text;
    await erase(url, 'alice');
    await send(url, 'log', 'bob.1', ['afterwards']);
    for (const stream of [plain, joined, lines]) {
      await waitFor(() => stream.text.includes('afterwards'), { what: () => `what follows, in ${stream.text}` });
      assert.equal(stream.text.match(/event: \$sync/g)!.length, 1, stream.text);
      assert.match(stream.text, /event: \$erased\ndata: \{.*"data":"","erased":true\}\n\n/);
    }
    assert.equal(other.text, before);
    // Who comes now is given what is left.
    const late = await Listening.open(`${url}/c/log/events?since=earliest`, accept);
    await waitFor(() => late.text.includes('afterwards'), { what: 'all of it' });
    assert.ok(!late.text.includes(SECRET), late.text);
    assert.equal(late.text.match(/event: \$erased/g)!.length, 3);
    for (const stream of [plain, joined, other, lines, late]) stream.leave();
  });

  it('is not in what a conflating stream holds back', async () => {
    await using app = await startLocalApp(ENV);
    const { url } = app;
    const stream = await Listening.open(`${url}/c/log/events?conflate=5000ms&with=from`, {
      accept: 'text/event-stream',
    });
    // The first flush is at once; what follows waits for five seconds.
    await send(url, 'log', 'bob.1', ['first']);
    await waitFor(() => stream.text.includes('first'), { what: 'the first flush' });
    await send(url, 'log', ALICE, secrets(2));
    await send(url, 'log', 'bob.1', ['second'], 2);
    await merged(url, 'log', 4);
    await erase(url, 'alice');
    await waitFor(() => stream.text.includes('"erased":true'), { what: () => `it to be told, in ${stream.text}` });
    assert.ok(!stream.text.includes(SECRET), stream.text);
    assert.ok(stream.text.includes('second'), stream.text);
    stream.leave();
  });

  it('is not merged again when it repeats what was accepted', async () => {
    await using app = await startLocalApp(ENV);
    const { url } = app;
    await send(url, 'log', ALICE, secrets(3));
    await merged(url, 'log', 3);
    await erase(url, 'alice');
    await send(url, 'log', ALICE, secrets(4));
    const after = await merged(url, 'log', 5);
    assert.deepEqual(
      after.map(({ data }) => data),
      ['', '', '', '', `${SECRET} 3`],
    );
    assert.deepEqual(await erase(url, 'alice'), { name: 'alice', events: 1, channels: 1, fields: 0 });
  });

  it('keeps a cursor from before good, with every later event behind it', async () => {
    await using app = await startLocalApp(ENV);
    const { url } = app;
    await send(url, 'log', ALICE, secrets(5));
    const before = await merged(url, 'log', 5);
    await erase(url, 'alice');
    const answer = await fetch(`${url}/c/log/events?format=json&since=${before[1]!.id}`);
    const { status, events } = (await answer.json()) as { status: string; events: { id: string }[] };
    assert.equal(status, 'resumed');
    assert.deepEqual(numbersOf(events), numbersOf(before.slice(2)).concat(numbersOf(before).at(-1)! + 1));
  });
});

describe('POST /admin/erase', () => {
  it('is not there without ADMIN_KEY, nor where nobody merges', async () => {
    await using app = await startLocalApp({});
    assert.equal((await askToErase(app.url, { name: 'alice' })).status, 404);
  });

  it('wants the key, and a name and nothing else', async () => {
    await using app = await startLocalApp(ENV);
    for (const authorization of ['', 'Bearer', `Bearer ${ADMIN_KEY}x`]) {
      assert.equal((await askToErase(app.url, { name: 'alice' }, authorization)).status, 401);
    }
    const long = 'x'.repeat(41);
    for (const wish of [
      '',
      'null',
      '[]',
      {},
      { name: 1 },
      { name: '' },
      { name: 'a.b' },
      { name: long },
      { name: 'a', x: 1 },
    ]) {
      const answer = await askToErase(app.url, wish);
      const { code, detail } = (await answer.json()) as { code: string; detail: string };
      assert.deepEqual([answer.status, code], [400, 'bad_request'], JSON.stringify(wish));
      assert.match(detail, /name/);
    }
    assert.equal((await askToErase(app.url, { name: '-' })).status, 200);
  });

  it('is described', async () => {
    await using app = await startLocalApp(ENV);
    const { paths } = (await (await fetch(`${app.url}/openapi.json`)).json()) as { paths: Record<string, object> };
    assert.ok('post' in paths['/admin/erase']!);
  });

  it('logs how much it was, and not who', async () => {
    await using app = await startLocalApp(ENV);
    await send(app.url, 'log', ALICE, ['x']);
    await merged(app.url, 'log', 1);
    await erase(app.url, 'alice');
    const line = app.logged.find(({ msg }) => msg === 'a publisher is erased')!;
    assert.deepEqual([line.events, line.channels, line.fields], [1, 1, 0]);
    assert.ok(!JSON.stringify(line).includes('alice'));
  });
});
