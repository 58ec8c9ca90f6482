/** The limits of the settings, with a clock of their own: what there is in a time, for whom, and what is said where there is none. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createLimits, type LimitsConfig } from '../../src/access/limiter.ts';
import type { Seat } from '../../src/access/limits.ts';
import { Problem } from '../../src/errors.ts';
import { noLimits } from '../support/limits.ts';

function open(config: Partial<LimitsConfig>) {
  const reached: string[] = [];
  const time = { elapsedMs: 1, wallMs: 1_795_000_000_000 };
  const clock = { elapsedMs: () => time.elapsedMs, wallMs: () => time.wallMs };
  const limits = createLimits({ ...noLimits, ...config }, { clock, onReached: (limit) => void reached.push(limit) });
  return { limits, reached, time };
}

describe('POSTs', () => {
  it('are as many as the burst and what the time makes, of whoever is counted', () => {
    for (const [config, post] of [
      [{ maxPostsPerSPerSub: 20 }, (l: ReturnType<typeof open>['limits'], key: string) => l.postBy(key)],
      [{ maxPostsPerSPerAddress: 20 }, (l: ReturnType<typeof open>['limits'], key: string) => l.postFrom(key)],
    ] as const) {
      const { limits, time } = open(config);
      const letIn = { a: 0, b: 0 };
      for (; time.elapsedMs <= 10_001; time.elapsedMs += 5) {
        for (const key of ['a', 'b'] as const) if (post(limits, key) === undefined) letIn[key]++;
      }
      for (const count of Object.values(letIn)) assert.ok(Math.abs(count - 220) <= 1, `${count}`);
    }
  });

  it('of one are none of another, nor of an address that is written alike', () => {
    const { limits } = open({ maxPostsPerSPerSub: 1, maxPostsPerSPerAddress: 1 });
    assert.equal(limits.postBy('10.0.0.1'), undefined);
    assert.equal(limits.postFrom('10.0.0.1'), undefined);
    assert.equal(limits.postBy('10.0.0.1')?.code, 'too_many_changes');
    assert.equal(limits.postFrom('10.0.0.1')?.code, 'too_many_changes');
    assert.equal(limits.postBy('10.0.0.2'), undefined);
  });

  it('by nobody and from nowhere are not counted', () => {
    const { limits, reached } = open({ maxPostsPerSPerSub: 1, maxPostsPerSPerAddress: 1, maxNewChannelsPerH: 1 });
    for (let i = 0; i < 10; i++) {
      assert.equal(limits.postBy(null), undefined);
      assert.equal(limits.postFrom(''), undefined);
      assert.equal(limits.channelBy(null, `c${i}`), undefined);
    }
    assert.deepEqual(reached, []);
  });

  it('that are refused say when, which is spread, and are counted by the limit', () => {
    const { limits, reached } = open({ maxPostsPerSPerSub: 1, maxPostsPerSPerAddress: 1 });
    limits.postBy('a');
    limits.postFrom('a');
    const waits = new Set(Array.from({ length: 50 }, () => limits.postBy('a')!.headers['retry-after']));
    assert.deepEqual([...waits].sort(), ['1', '2', '3']);
    limits.postFrom('a');
    assert.deepEqual(reached.slice(-2), ['posts_per_sub', 'posts_per_address']);
  });

  it('of whose clock is set nobody is shut out, and nobody let in', () => {
    const { limits, time } = open({ maxPostsPerSPerAddress: 1 });
    assert.equal(limits.postFrom('a'), undefined);
    for (const hours of [1, -1, -24_000]) {
      time.wallMs += hours * 3_600_000;
      assert.ok(limits.postFrom('a'));
    }
    time.elapsedMs += 1_000;
    assert.equal(limits.postFrom('a'), undefined);
  });

  it('with 0 are any', () => {
    const { limits } = open({});
    for (let i = 0; i < 100; i++) {
      assert.equal(limits.postBy('a') ?? limits.postFrom('a') ?? limits.channelBy('a', `c${i}`), undefined);
      assert.ok(!(limits.seats.take('a', 'a') instanceof Problem));
    }
  });
});

describe('new channels', () => {
  it('are so many an hour of one, and what anybody has sent to is not new', () => {
    const { limits, time, reached } = open({ maxNewChannelsPerH: 1_000 });
    for (let i = 0; i < 1_000; i++) assert.equal(limits.channelBy('a', `c${i}`), undefined);
    assert.equal(limits.channelBy('a', 'c1000')?.code, 'too_many_new_channels');
    assert.ok(Number(limits.channelBy('a', 'c1000')!.headers['retry-after']) >= 4);
    for (let i = 0; i < 1_000; i++) assert.equal(limits.channelBy('a', `c${i}`), undefined, 'those it has');
    assert.equal(limits.channelBy('b', 'c1000'), undefined);
    assert.equal(limits.channelBy('a', 'c1000'), undefined, 'begun by another');
    time.elapsedMs += 3_600;
    assert.equal(limits.channelBy('a', 'c1001'), undefined);
    assert.equal(limits.channelBy('a', 'c1002')?.status, 429);
    assert.deepEqual([...new Set(reached)], ['new_channels']);
  });

  it('of a million names take less than 50 MB, and one that is in use is not forgotten', () => {
    const before = process.memoryUsage().rss;
    const { limits, time } = open({ maxNewChannelsPerH: 100_000 });
    let begun = 0;
    const isNew = (sub: string, channel: string) => limits.channelBy(sub, channel) !== undefined;
    for (let i = 0; i < 1_000_000; i++) {
      if (i % 1_000 === 0) {
        time.elapsedMs += 1;
        limits.channelBy('a', 'room');
      }
      limits.channelBy(`sub${i % 100}`, `name${i}`);
    }
    assert.ok(process.memoryUsage().rss - before < 50e6, `${process.memoryUsage().rss - before}`);
    // Whoever may begin no other would be refused if it were new.
    while (!isNew('full', `full${begun}`)) begun++;
    assert.ok(begun >= 100_000);
    assert.equal(isNew('full', 'room'), false);
    assert.equal(isNew('full', 'another'), true);
  });
});

const bad = () => new Problem('invalid_token', 'It is not valid.');

describe('credentials', () => {
  const trying = async (limits: ReturnType<typeof open>['limits'], address: string, attempt: () => Promise<string>) =>
    limits.attempts.run(address, attempt).catch((error: Problem) => error.code);

  it('that are bad are so many a minute of one address; then nothing is tried', async () => {
    const { limits, time, reached } = open({ maxFailedCredentialsPerMin: 20 });
    let tried = 0;
    const failing = async () => {
      tried++;
      throw bad();
    };
    for (let i = 0; i < 20; i++) assert.equal(await trying(limits, 'a', failing), 'invalid_token');
    assert.equal(await trying(limits, 'a', failing), 'too_many_failures');
    assert.equal(await trying(limits, 'a', async () => 'good'), 'too_many_failures');
    assert.equal(tried, 20);
    assert.equal(await trying(limits, 'b', async () => 'good'), 'good');
    time.elapsedMs += 3_000;
    assert.equal(await trying(limits, 'a', async () => 'good'), 'good');
    assert.deepEqual(reached, ['failed_credentials', 'failed_credentials']);
  });

  it('that are tried at once are all charged: those above the limit are missing later', async () => {
    const { limits, time } = open({ maxFailedCredentialsPerMin: 60 });
    let tried = 0;
    const failing = async () => {
      tried++;
      await turn();
      throw bad();
    };
    const crowd = () => Promise.all(Array.from({ length: 8 }, () => trying(limits, 'a', failing)));
    for (let s = 0; s < 600; s++) {
      await crowd();
      time.elapsedMs += 1_000;
    }
    assert.ok(tried >= 600 && tried <= 600 + 20 + 8, `${tried} in ten minutes`);
  });

  it('of a limit that is high are 20 at once all the same, and the others in their time', async () => {
    const { limits, time } = open({ maxFailedCredentialsPerMin: 300 });
    const failing = () => Promise.reject(bad());
    const tried = async () => {
      let count = 0;
      while ((await trying(limits, 'a', failing)) === 'invalid_token') count++;
      return count;
    };
    assert.equal(await tried(), 20);
    time.elapsedMs += 1_000;
    assert.equal(await tried(), 5);
    time.elapsedMs += 60_000;
    assert.equal(await tried(), 20);
  });

  it('that are good, have expired, or cannot be tried now are not counted', async () => {
    const { limits } = open({ maxFailedCredentialsPerMin: 1 });
    for (const code of ['token_expired', 'auth_unavailable', 'bad_request'] as const) {
      for (let i = 0; i < 5; i++) {
        const failing = () => Promise.reject(new Problem(code, 'Not now.'));
        assert.equal(await trying(limits, 'a', failing), code);
        assert.equal(await trying(limits, 'a', async () => 'good'), 'good');
      }
    }
  });

  it('of a thousand at once are not all tried before one is known to be bad', async () => {
    const { limits } = open({ maxFailedCredentialsPerMin: 20 });
    let tried = 0;
    const failing = async () => {
      tried++;
      // A key set that has to be loaded first takes longer than any.
      for (let i = 0; i < 20; i++) await turn();
      throw bad();
    };
    const codes = await Promise.all(Array.from({ length: 1_000 }, () => trying(limits, 'a', failing)));
    assert.ok(tried <= 28, `${tried}`);
    assert.equal(codes.filter((code) => code === 'too_many_failures').length, 1_000 - tried);
  });

  it('that are good are all let in, also a thousand at once of one address', async () => {
    const { limits } = open({ maxFailedCredentialsPerMin: 20 });
    const good = async () => {
      await turn();
      return 'good';
    };
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => trying(limits, 'a', good)));
    assert.ok(answers.every((answer) => answer === 'good'));
  });

  it('of another address wait for nobody', async () => {
    const { limits } = open({ maxFailedCredentialsPerMin: 20 });
    const ending: ((answer: string) => void)[] = [];
    const stuck = new Promise<string>((resolve) => ending.push(resolve));
    const others = Array.from({ length: 100 }, () => trying(limits, 'a', () => stuck));
    assert.equal(await trying(limits, 'b', async () => 'good'), 'good');
    for (const end of ending) end('late');
    assert.ok((await Promise.all(others)).every((answer) => answer === 'late'));
  });
});

describe('seats', () => {
  const isSeat = (seat: Seat | Problem): seat is Seat => !(seat instanceof Problem);

  it('are so many of one sub, and one that is given back is there for the next', () => {
    const { limits, reached } = open({ maxStreamsPerSub: 2 });
    const [first, second] = [limits.seats.take('a', ''), limits.seats.take('a', 'x')];
    assert.ok(isSeat(first) && isSeat(second));
    const third = limits.seats.take('a', 'y');
    assert.ok(!isSeat(third));
    assert.deepEqual([third.code, third.status], ['too_many_streams', 429]);
    assert.ok(Number(third.headers['retry-after']) >= 5);
    assert.ok(isSeat(limits.seats.take('b', '')));
    for (let i = 0; i < 10; i++) assert.ok(isSeat(limits.seats.take(null, '')));
    limits.seats.giveBack(first);
    assert.ok(isSeat(limits.seats.take('a', 'y')));
    assert.ok(!isSeat(limits.seats.take('a', 'y')));
    assert.deepEqual(reached, ['streams_per_sub', 'streams_per_sub']);
  });

  it('are so many of one address, whoever it is, and what is refused takes none', () => {
    const { limits, reached } = open({ maxStreamsPerSub: 3, maxStreamsPerAddress: 2 });
    assert.ok(isSeat(limits.seats.take('a', '10.0.0.1')));
    assert.ok(isSeat(limits.seats.take(null, '10.0.0.1')));
    for (let i = 0; i < 10; i++) assert.ok(!isSeat(limits.seats.take('b', '10.0.0.1')));
    for (let i = 0; i < 3; i++) assert.ok(isSeat(limits.seats.take('b', `10.0.1.${i}`)));
    assert.ok(!isSeat(limits.seats.take('b', '10.0.1.9')));
    assert.deepEqual(reached, [...Array(10).fill('streams_per_address'), 'streams_per_sub']);
  });
});
