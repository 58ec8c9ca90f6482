/** The load tester against our own server: clean when it is, and not fooled by anything that goes wrong on the way. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OffenceKind } from '../../loadtest/run/messages.ts';
import { offenceLine } from '../../loadtest/run/verdict.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { type Meddling, startMeddler } from './meddler.ts';
import { isRunning, runTester } from './tester.ts';

const load = ['--streams', '40', '--channels', '4', '--rate', '100', '--duration', '1.5'];
/** What is asked of the server is not how fast this machine is. It ends as soon as all has come. */
const patient = { late: '60s', settle: '60s' };

const flags = (values: Readonly<Record<string, string>>) =>
  Object.entries(values).flatMap(([name, value]) => [`--${name}`, value]);

describe('the load tester', { concurrency: 6 }, () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServer({ env: { LOG_LEVEL: 'info' } });
  });
  after(() => server.stop());

  it('is clean against our server, with streams that come back and a channel spread over processes', async () => {
    const args = ['--target', server.url, '--streams', '60', '--channels', '2', '--workers', '3', '--payload', '20'];
    const { code, stdout, stderr, result, page } = await runTester([
      ...args,
      ...load.slice(4),
      ...flags({ ...patient, reconnect: '50%/s' }),
    ]);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /^clean: 0 missing/m);
    assert.equal(result!.tester.processes, 3);
    assert.ok(result!.counts.accepted > 50 && result!.counts.resumed > 10, stdout);
    assert.equal(result!.counts.received, result!.counts.owed);
    assert.equal(result!.latency.count + result!.catchUp.count, result!.counts.received);
    assert.match(page!, /<svg/);
    assert.doesNotMatch(page!, /(src|href)=/);
  });

  const wrongs: readonly {
    meddling: Meddling;
    kinds: readonly OffenceKind[];
    more?: Readonly<Record<string, string>>;
    detail?: RegExp;
  }[] = [
    // What is missing is waited for to the end.
    { meddling: 'drop', kinds: ['missing'], more: { settle: '5s' } },
    { meddling: 'repeat', kinds: ['repeated'] },
    { meddling: 'swap', kinds: ['out of order'] },
    { meddling: 'delay', kinds: ['late'], more: { late: '12s' }, detail: /: [2-9]\d{4} ms after its change was due$/m },
    { meddling: 'garble', kinds: ['wrong bytes'] },
    { meddling: 'cut', kinds: ['disconnected'] },
    {
      meddling: 'forget cursors',
      kinds: ['cursor ignored', 'missing'],
      more: { reconnect: '20/s', settle: '5s' },
      detail: /: asked for what follows \w+\.\w+, answered fresh \(\d+ behind\)$/m,
    },
  ];
  for (const { meddling, kinds, more = {}, detail = /./ } of wrongs) {
    it(`sees what a proxy does${meddling === 'forget cursors' ? '' : ' to one event in a thousand'}: ${meddling}`, async () => {
      await using proxy = await startMeddler({ target: server.url, meddling, everyNth: 1000, delayMs: 20_000 });
      const args = ['--target', proxy.url, ...load, ...flags({ ...patient, ...more })];
      const { code, stdout, stderr, result } = await runTester(args);
      assert.equal(code, 1, stdout + stderr);
      assert.ok(proxy.times > 0, stdout);
      for (const kind of kinds) assert.ok((result!.offenceCounts[kind] ?? 0) > 0, stdout);
      const [first] = result!.offences;
      assert.ok(kinds.includes(first!.kind), stdout);
      assert.match(stdout, new RegExp(`^first: ${first!.kind}: channel lt-\\w+-\\d+, offset \\d+, stream #\\d+`, 'm'));
      assert.match(offenceLine(first!), detail);
    });
  }

  it('sees the last event go missing, behind which nothing comes', async () => {
    // One channel, one stream, one change: the event of the look beforehand is number one, and this is dropped.
    await using proxy = await startMeddler({ target: server.url, meddling: 'drop', everyNth: 2 });
    const args = ['--streams', '1', '--channels', '1', '--rate', '1', '--interval', 'even', '--duration', '1.5'];
    const { code, stdout, result } = await runTester(['--target', proxy.url, ...args, '--settle', '10s']);
    assert.equal(code, 1, stdout);
    assert.equal(result!.counts.accepted, 1);
    assert.equal(result!.offenceCounts.missing, 1, stdout);
  });

  it('is clean again when an event may come that late', async () => {
    await using proxy = await startMeddler({ target: server.url, meddling: 'delay', everyNth: 1000, delayMs: 6000 });
    const { code, stdout } = await runTester(['--target', proxy.url, ...load, ...flags(patient)]);
    assert.equal(code, 0, stdout);
    assert.equal(proxy.times, 1);
  });

  it('ends at Ctrl-C with what there was until then, and leaves nothing running', async () => {
    const args = ['--target', server.url, '--streams', '20', '--duration', '60', '--workers', '2'];
    const interrupted = await runTester(args, {
      onOutput: (stdout, interrupt) => /^load .*received [1-9]/m.test(stdout) && interrupt(),
    });
    assert.equal(interrupted.code, 130, interrupted.stderr);
    assert.match(interrupted.stdout, /cut short: SIGINT/);
    assert.ok(interrupted.result!.counts.received > 0, interrupted.stdout);
    assert.match(interrupted.page!, /Not clean/);
    assert.ok(interrupted.descendants.length >= 2, interrupted.stdout);
    assert.deepEqual(interrupted.descendants.filter(isRunning), []);
  });

  it('leaves nothing running when it is killed', async () => {
    const args = ['--target', server.url, '--streams', '20', '--duration', '60', '--workers', '2'];
    const killed = await runTester(args, {
      onOutput: (stdout, interrupt) => /^load .*received [1-9]/m.test(stdout) && interrupt('SIGKILL'),
    });
    assert.equal(killed.code, null);
    assert.ok(killed.descendants.length >= 2, killed.stdout);
    // Its processes end when the channel to it does: a moment later.
    for (let tries = 0; tries < 50 && killed.descendants.some(isRunning); tries++) await sleep(100);
    assert.deepEqual(killed.descendants.filter(isRunning), []);
  });

  it('says in a line what it was asked and cannot do, before it starts anything', async () => {
    const { code, stdout, stderr } = await runTester(['--target', server.url, '--streams', 'many']);
    assert.deepEqual([code, stdout], [2, '']);
    assert.equal(stderr, 'loadtest: --streams many is no whole number from 1 to 10000000\n');
  });

  it('says what is wrong with the target', async () => {
    const down = await runTester(['--target', 'http://127.0.0.1:1']);
    assert.equal(down.code, 2);
    assert.match(down.stderr, /^loadtest: http:\/\/127\.0\.0\.1:1: nothing listens there/);

    const other = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<p>hello'));
    other.listen(0, '127.0.0.1');
    const { port } = await new Promise<AddressInfo>((resolve) =>
      other.once('listening', () => resolve(other.address() as AddressInfo)),
    );
    const wrong = await runTester(['--target', `http://127.0.0.1:${port}`]);
    other.close();
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /answered as text\/html, not as text\/event-stream/);
  });

  it('says which limit is too low, and how to raise it', async () => {
    const args = ['--target', server.url, '--streams', '1000000'];
    const { code, stderr } = await runTester(args, { files: 1200 });
    assert.equal(code, 2);
    assert.match(stderr, /may open only 1200 files here; raise that with\n {2}ulimit -n \d+/);
  });
});
