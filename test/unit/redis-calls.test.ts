/** What Redis' refusals mean: a store that will not do it now (503), or a mistake of ours in what was sent (500). */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Redis } from 'ioredis';
import { call, replyCodeOf } from '../../src/engine/redis/nodes/calls.ts';
import { EngineUnavailable } from '../../src/errors.ts';

/** A connection to a Redis that answers so. */
function answering(message: string): Redis {
  const error = Object.assign(new Error(message), { name: 'ReplyError' });
  return { options: { commandTimeout: 1_000 }, sendCommand: () => Promise.reject(error) } as unknown as Redis;
}

const AT = 'script: 64f75bd2d820200767f2beae4b6d1514654dcf89, on @user_script:1.';

describe('a refusal of Redis', () => {
  for (const [message, code] of [
    ["NOPERM this user has no permissions to run the 'ltrim' command", 'NOPERM'],
    ["NOPERM User app has no permissions to run the 'ltrim' command", 'NOPERM'],
    [`ERR The user executing the script can't run this command or subcommand ${AT}`, 'NOPERM'],
    [`ERR The user executing the script can't publish to the channel mentioned in the command ${AT}`, 'NOPERM'],
    [`ERR ACL failure in script: User app has no permissions to run the 'ltrim' command ${AT}`, 'NOPERM'],
    [`ERR Script killed by user with SCRIPT KILL... ${AT}`, 'KILLED'],
    ['ERR WAIT cannot be used with replica instances. Please also note that …', 'READONLY'],
    ["READONLY You can't write against a read only replica.", 'READONLY'],
    ["OOM command not allowed when used memory > 'maxmemory'.", 'OOM'],
    ['BUSY Redis is busy running a script.', 'BUSY'],
  ] as const) {
    it(`is the store’s: ${message.slice(0, 60)}`, async () => {
      const error = await call(answering(message), 'evalsha', []).catch((error: unknown) => error);
      assert.ok(error instanceof EngineUnavailable);
      assert.equal(replyCodeOf(error), code);
    });
  }

  for (const message of [
    `ERR user_script:3: attempt to index a nil value ${AT}`,
    'ERR value is not an integer or out of range',
    'WRONGTYPE Operation against a key holding the wrong kind of value',
  ]) {
    it(`is our mistake: ${message.slice(0, 60)}`, async () => {
      const error = await call(answering(message), 'evalsha', []).catch((error: unknown) => error);
      assert.ok(error instanceof Error && !(error instanceof EngineUnavailable));
    });
  }
});
