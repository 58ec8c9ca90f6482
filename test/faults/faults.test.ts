/** Faults that nobody would miss if they did nothing are seen to do it: the ground they stand on works. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { request } from '../support/http.ts';
import { whyNoLastRelease } from '../support/last-release.ts';
import { createRandom } from '../support/random.ts';
import { waitFor } from '../support/wait.ts';
import { allFaults, faultsNamed, needsOf } from './faults/faults.ts';
import { copyData, putBack } from './faults/store.ts';
import { Recorder } from './history.ts';
import { type Lab, startLab } from './lab.ts';
import { describePlan, planFaults } from './schedule.ts';

let lab: Lab;
const recorder = new Recorder();
const random = createRandom(5);

before(async () => {
  lab = await startLab({ seed: 5, counts: { bucket: 1, merger: 1, gateway: 1 }, needs: needsOf(allFaults) });
});
after(async () => {
  await lab.stop();
  lab.forget();
});

const fault = (name: string) => faultsNamed(name)[0]!;

async function post(): Promise<number> {
  const answer = await request(lab.sendUrl, '/c/log-a', { method: 'POST', body: 'x', timeoutMs: 5_000 }).catch(
    () => null,
  );
  return answer?.status ?? 0;
}

const accepts = () => waitFor(async () => (await post()) === 204, { what: 'a 204' });

/** When the last change was accepted, by the bucket's clock; NaN while the gateway has not got over the fault before. */
async function lastAcceptedMs(): Promise<number> {
  await accepts();
  const answer = await request(lab.receiveUrl, '/c/log-a/history');
  if (answer.status !== 200) return Number.NaN;
  return answer.json<{ events: { at: number }[] }>().events.at(-1)?.at ?? Number.NaN;
}

describe('faults', () => {
  it('follow from a seed', () => {
    const plan = (seed: number) => describePlan(planFaults(seed, faultsNamed('all'), 60_000));
    assert.equal(plan(1), plan(1));
    assert.notEqual(plan(1), plan(2));
    assert.throws(() => faultsNamed('nonsense'), /no fault is called nonsense/);
    assert.ok(faultsNamed('all').every(({ isLossy }) => !isLossy));
  });

  it('packets: the firewall between the roles and Redis drops some', async () => {
    lab.ground.setLoss(40);
    const beganMs = performance.now();
    for (let i = 0; i < 6; i++) await post();
    // A lost packet costs a retransmission, which Linux makes after 200 ms.
    assert.ok(performance.now() - beganMs > 200);
    lab.ground.setLoss(0);
    await accepts();
  });

  it('slow-fsync: a 204 waits for the fsync', async () => {
    await accepts();
    lab.ground.setFsyncMs(400);
    const beganMs = performance.now();
    await accepts();
    assert.ok(performance.now() - beganMs >= 400);
    lab.ground.setFsyncMs(0);
  });

  it('clock: a bucket dates changes by the false clock, and then by the right one', async () => {
    lab.ground.setClock('bucket-0', 3_000);
    await waitFor(async () => (await lastAcceptedMs()) - Date.now() > 2_900_000, { what: 'the future' });
    lab.ground.setClock('bucket-0', 0);
    await waitFor(async () => Math.abs((await lastAcceptedMs()) - Date.now()) < 60_000, { what: 'the present' });
  });

  it('rights-redis: rights are taken from the user of all roles, and given back', async () => {
    const rights = () => lab.redis.cli('acl', 'getuser', 'default');
    const { detail, stop } = await fault('rights-redis').start(lab, random, recorder);
    for (const taken of detail.split(' ')) assert.ok((await rights()).includes(taken), taken);
    await stop();
    assert.doesNotMatch(await rights(), / -[a-z]/);
    await accepts();
  });

  it('version: a role is of the last release, and then of the head again', async (t) => {
    const [version] = allFaults.filter(({ name }) => name === 'version-bucket');
    if (version === undefined) return t.skip(whyNoLastRelease() ?? 'the fault is not there');
    const role = lab.of('bucket')[0]!;
    const runs = () => readFileSync(`/proc/${role.child.pid}/cmdline`, 'utf8');
    const head = runs();
    const { stop } = await version.start(lab, random, recorder);
    await role.ready();
    assert.ok(runs().includes(lab.lastRelease!));
    await accepts();
    await stop();
    assert.equal(runs(), head);
    await accepts();
  });

  it('clock-redis: Redis tells a false time, and then the right one', async () => {
    const aheadS = async () => Number((await lab.redis.cli('TIME')).split('\n')[0]) - Date.now() / 1_000;
    lab.ground.setRedisClock(-172_800);
    assert.ok((await aheadS()) < -172_000);
    await accepts();
    lab.ground.setRedisClock(0);
    assert.ok(Math.abs(await aheadS()) < 60);
  });

  it('disk-full: Redis ends itself, and comes back with all it had once there is room', async () => {
    const { starts } = lab.redis.child;
    const { stop } = await fault('disk-full').start(lab, random, recorder);
    // A slow disk alone is refused as well: it is the write that fails which ends Redis.
    const isEnded = async () => {
      await post();
      return lab.redis.child.starts > starts;
    };
    await waitFor(isEnded, { timeoutMs: 30_000, everyMs: 0, what: 'Redis to have ended itself' });
    await stop();
    await accepts();
  });

  it('descriptors: a gateway takes no more connections, and then does again', async () => {
    const { stop } = await fault('descriptors-gateway').start(lab, random, recorder);
    const { address } = lab.of('gateway')[0]!;
    const ask = () => request(`http://127.0.0.1:${address!.port}`, '/healthz', { timeoutMs: 500 });
    const idle = Array.from({ length: 5 }, () => connect(address!.port, '127.0.0.1').on('error', () => undefined));
    await waitFor(
      () =>
        ask().then(
          () => false,
          () => true,
        ),
      { what: 'a request without an answer' },
    );
    for (const socket of idle) socket.destroy();
    await stop();
    await waitFor(async () => (await ask().catch(() => null))?.status === 200, { what: 'an answer' });
  });

  it('restore-copy: Redis has what it had, and nothing of what came since', async () => {
    const events = async () => {
      const answer = await request(lab.receiveUrl, '/c/log-b/history');
      return answer.status === 200 ? answer.json<{ events: { data: string }[] }>().events.map(({ data }) => data) : [];
    };
    const send = (body: string) =>
      waitFor(
        async () =>
          (await request(lab.sendUrl, `/c/log-b?from=a.1&seq=${body}`, { method: 'POST', body })).status === 204,
        { what: 'a 204' },
      );
    const isIn = (body: string) => waitFor(async () => (await events()).includes(body), { what: `event ${body}` });
    await send('1');
    await isIn('1');
    const copy = copyData(lab.redis);
    await send('2');
    await isIn('2');
    await putBack(lab.redis, copy);
    await send('3');
    await isIn('3');
    assert.deepEqual(await events(), ['1', '3']);
  });
});
