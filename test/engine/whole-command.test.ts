/** A command of ours is, byte for byte, what ioredis itself would have written. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Command } from 'ioredis';
import type { Argument } from '../../src/engine/redis/nodes/calls.ts';
import { WholeCommand } from '../../src/engine/redis/nodes/whole-command.ts';

const cases: Record<string, [string, ...Argument[]]> = {
  'no arguments': ['ping'],
  texts: ['evalsha', 'a'.repeat(40), '0', ''],
  'text beyond ASCII': ['eval', '-- ä, €, 😀', '0'],
  Buffers: [
    'evalsha',
    'sha',
    '1',
    'key',
    Buffer.from([0, 13, 10, 255]),
    Buffer.alloc(0),
    'wake',
    Buffer.alloc(70_000, 7),
  ],
  'a Buffer at the end': ['evalsha', Buffer.from('x')],
  'texts of every length up to 130': ['set', ...Array.from({ length: 131 }, (_, length) => 'k'.repeat(length))],
  'texts beyond ASCII, short and long': ['set', ...[1, 20, 21, 31, 32, 33, 64, 65].map((count) => 'ä€'.repeat(count))],
  'half of a pair': ['set', 'a\ud83d', `${'a'.repeat(80)}\ude00`],
  'lengths of one to five digits': [
    'set',
    ...[9, 10, 99, 100, 999, 1000, 9999, 10_000].map((size) => Buffer.alloc(size)),
  ],
};

for (const [what, [name, ...args]] of Object.entries(cases)) {
  it(`writes ${what}`, () => {
    const socket = {};
    const theirs = Buffer.from(new Command(name, [...args], { replyEncoding: null }).toWritable(socket) as Buffer);
    const ours = new WholeCommand(name, [...args], { replyEncoding: null }).toWritable();
    assert.equal(ours.toString('hex'), theirs.toString('hex'));
  });
}
