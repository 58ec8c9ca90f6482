/** The log: JSON lines that a client can neither forge nor blow up. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLogger } from '../../src/log.ts';
import { startHttpApp } from '../support/http-app.ts';

function loggedBy(write: (log: ReturnType<typeof createLogger>) => void): string[] {
  const lines: string[] = [];
  write(createLogger({ logLevel: 'info' }, { write: (line: string) => void lines.push(line) }));
  return lines;
}

describe('a line', () => {
  it('is one JSON object with level, time and message', () => {
    const lines = loggedBy((log) => {
      log.debug('not this');
      log.warn({ shard: 3 }, 'two\nlines');
    });
    assert.equal(lines.length, 1);
    assert.equal(lines[0]!.indexOf('\n'), lines[0]!.length - 1);
    const { time, ...rest } = JSON.parse(lines[0]!);
    assert.deepEqual(rest, { level: 'warn', shard: 3, msg: 'two\nlines' });
    assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000);
  });

  it('has of a request its method and its path, cut, plain, without query or headers', () => {
    const url = `/c/\u001b[2J\r\n{"level":"fatal"}${'a'.repeat(5000)}?ticket=secret`;
    const [line] = loggedBy((log) => log.info({ req: { method: 'GET', url, headers: { cookie: 'secret' } } }, 'x'));
    const { req } = JSON.parse(line!);
    assert.deepEqual(Object.keys(req), ['method', 'path']);
    assert.equal(req.path.length, 120);
    assert.match(req.path, /^[!-~]+$/);
    assert.doesNotMatch(line!, /secret/);
    assert.ok(line!.length < 300);
  });
});

describe('requests', () => {
  it('are logged at debug only, without bodies', async () => {
    const routes = (app: Parameters<Parameters<typeof startHttpApp>[0]>[0]) => {
      app.post('/c/:channel', { config: { right: 'open' } }, (_request, reply) => reply.code(204).send());
    };
    for (const [LOG_LEVEL, expected] of [['info', 0] as const, ['debug', 1] as const]) {
      await using http = await startHttpApp(routes, { LOG_LEVEL });
      await fetch(`${http.url}/c/a?from=x.y`, { method: 'POST', body: 'body', headers: { 'Change-From': 'n.x.y' } });
      const lines = http.logged.filter(({ req }) => req !== undefined);
      assert.equal(lines.length, expected);
      assert.doesNotMatch(JSON.stringify(http.logged), /body|x\.y/);
      if (expected > 0)
        assert.deepEqual([lines[0]!.req, lines[0]!.res], [{ method: 'POST', path: '/c/a' }, { status: 204 }]);
    }
  });
});
