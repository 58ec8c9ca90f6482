/**
 * A token that is known is not looked at byte by byte: what is made of a request is what is made of it where each of them is looked at, and
 * who sends it is who sends these very bytes.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Principal } from '../../src/access/access.ts';
import { createAccess } from '../../src/access/create-access.ts';
import { systemClock } from '../../src/clock.ts';
import { readConfig } from '../../src/config.ts';
import { readPlainRequest } from '../../src/http/plain-request.ts';
import { createLogger } from '../../src/log.ts';
import { createRandom } from '../support/random.ts';
import { bearer, SECRET } from '../support/tokens.ts';

const RUNS = 6_000;
const BODY_MAX_BYTES = 16;
const bytesThatMatter = ['\r', '\n', '\r\n', '\t', ' ', '\0', '\x7f', '\xe9', ':', ',', 'x', 'A', ''];

it('a request is the same whether or not its token is known', async () => {
  const outcome = readConfig({ AUTH: 'jwt', JWT_SECRET: SECRET });
  assert.ok(outcome.ok);
  const log = createLogger({ logLevel: 'error' }, { write: () => undefined });
  const access = createAccess(outcome.config, { clock: systemClock, log });
  const values = ['alice', 'bob', 'carl', 'someone-else'].map((sub) => bearer({ publish: ['*'] }, { sub }));
  const whose = new Map<string, Principal>();
  for (const value of values) whose.set(value.slice(7), await access.identify(['authorization', value]));
  const nobody = await access.identify([]);

  // Between the scheme and the token is a blank. NUL differs from it by the bit that a small letter has and a capital has not.
  for (const between of [' ', '', '\0', '\t', '  ', '\r\n ']) {
    const line = Buffer.from(values[0]!.replace(' ', between).concat('\r\n'));
    assert.equal(access.endOfKnown(line, 0), between === ' ' ? line.length - 2 : -1, JSON.stringify(between));
  }

  const { pick, int, chance } = createRandom(7);
  const made = () => {
    const value = pick(values);
    const fields = [
      `${pick(['Authorization', 'authorization', 'AUTHORIZATION'])}:${pick([' ', ' ', '', '\t'])}${value}`,
    ];
    if (chance(0.05)) fields.push(`Authorization: ${pick(values)}`);
    fields.splice(int(2), 0, 'Host: x', 'Content-Length: 1');
    const text = `POST /c/room?from=a.b&seq=1 HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\nx`;
    if (chance(0.3)) return text;
    // Near the ends of the value as a rule, where most could go wrong.
    const start = text.indexOf(value);
    const at = pick([start, start + 6, start + value.length]) + int(5) - 2;
    const where = chance(0.8) ? at : int(text.length);
    return text.slice(0, where) + pick(bytesThatMatter) + text.slice(where + int(3));
  };

  const nowMs = Date.now();
  const counts = { found: 0, plain: 0, letIn: 0 };
  for (let i = 0; i < RUNS; i++) {
    const text = made();
    const chunk = Buffer.from(text, 'latin1');
    const expected = readPlainRequest(chunk, BODY_MAX_BYTES);
    const request = readPlainRequest(chunk, BODY_MAX_BYTES, (bytes, start) => {
      const end = access.endOfKnown(bytes, start);
      if (end >= 0) counts.found++;
      return end;
    });
    assert.deepEqual(request, expected, JSON.stringify(text));
    if (request === undefined) continue;
    counts.plain++;
    const { authorizationStart: start, authorizationEnd: end } = request;
    const value = chunk.toString('latin1', start, end);
    const who = start === 0 ? nobody : /^bearer /i.test(value) ? whose.get(value.slice(7)) : undefined;
    assert.equal(access.recall(chunk, start, end, nowMs), who, JSON.stringify(text));
    assert.equal(access.recall(chunk, start, end, nowMs), who, 'and as it was not found before');
    if (start > 0 && who !== undefined) counts.letIn++;
  }
  access.close();
  assert.ok(counts.found > RUNS / 4 && counts.plain > RUNS / 4 && counts.letIn > RUNS / 4, JSON.stringify(counts));
  assert.ok(counts.letIn < counts.plain, 'and some are not let in');
});
