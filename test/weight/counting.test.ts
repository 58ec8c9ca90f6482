/** What attackers count with, at every place where bytes may be cut; a suite that miscounts would pass anything. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readConfig } from '../../src/config.ts';
import { AnswerReader, Tally } from './answers.ts';
import { boundOf } from './budget.ts';
import { MarkCounter } from './marks.ts';
import { environmentOf, largestOf } from './settings.ts';

const answers = [
  'HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\nHTTP/1.1 500 not one\r\n\r\n',
  'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\ncontent-length: 0\r\n\r\n',
].join('');

describe('what attackers count with', () => {
  it('counts answers by status, wherever their bytes are cut', () => {
    for (let size = 1; size <= answers.length; size++) {
      const tally = new Tally();
      const reader = new AnswerReader(({ status }) => tally.add(status));
      for (let at = 0; at < answers.length; at += size) reader.push(Buffer.from(answers.slice(at, at + size)));
      assert.equal(tally.toString(), '1 × 200, 1 × 204, 1 × 503', `in pieces of ${size}`);
    }
  });

  it('counts marks, wherever their bytes are cut', () => {
    const text = 'abcabcxabc\nabab\nabc';
    for (let size = 1; size <= text.length; size++) {
      const marks = new MarkCounter('abc');
      for (let at = 0; at < text.length; at += size) marks.push(Buffer.from(text.slice(at, at + size)));
      assert.equal(marks.count, 4, `in pieces of ${size}`);
    }
  });

  it('says what was answered as it must not be', () => {
    const tally = new Tally();
    for (const status of [200, 200, 500]) tally.add(status);
    assert.deepEqual(tally.faults('GET /x', 200, 503), ['1 × 500 to GET /x']);
  });
});

describe('the largest settings', () => {
  it('are those of the schema, and a server takes them', () => {
    const outcome = readConfig(environmentOf('largest'));
    assert.ok(outcome.ok);
    assert.equal(outcome.config.maxChangeBytes, largestOf('maxChangeBytes'));
  });
});

describe('a bound on memory', () => {
  it('is what was there and what may be held, and a quarter', () => {
    const outcome = readConfig({ RING_MAX_BYTES: '1000000' });
    assert.ok(outcome.ok);
    const none = boundOf(outcome.config, [], 0, 0);
    const { budgetBytes, boundBytes } = boundOf(outcome.config, ['rings'], 500, 1_000);
    assert.equal(budgetBytes, 1_000_500);
    assert.equal(boundBytes - none.boundBytes, 1.25 * 1_001_500);
  });
});
