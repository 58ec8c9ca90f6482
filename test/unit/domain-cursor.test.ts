/** Cursors: they come back as they went, and anything else at all is undefined instead of an error. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  cursorOf,
  cursorPrefix,
  formatCursor,
  parseCursor,
  parseJoined,
  parsePosition,
  resolveCursor,
  resolveInLineage,
  resolveJoined,
} from '../../src/domain/cursor.ts';
import { EPOCH_PATTERN, newEpoch } from '../../src/domain/position.ts';

const channel = fc
  .string({ minLength: 1, maxLength: 64, unit: fc.constantFrom(...'abcXYZ019._-') })
  .map((name) => `c${name}`.slice(0, 64));
const epoch = fc.string({
  minLength: 6,
  maxLength: 6,
  unit: fc.constantFrom(...'0123456789abcdefghijklmnopqrstuvwxyz'),
});
const offset = fc.oneof(fc.nat(100), fc.nat(Number.MAX_SAFE_INTEGER));
const several = fc.uniqueArray(fc.record({ channel, epoch, offset }), {
  minLength: 2,
  maxLength: 16,
  selector: (log) => log.channel,
});

const parts = (of: readonly { channel: string; epoch: string; offset: number }[]) =>
  [of.map((log) => log.channel), of.map((log) => log.epoch), of.map((log) => log.offset)] as const;

describe('a cursor', () => {
  it('of one channel is six characters and its offset, and stands for one position of that channel alone', () => {
    const text = cursorOf('room', { epoch: 'k3v9qa', offset: 840 });
    assert.match(text, /^[0-9a-z]{6}\.nc$/);
    assert.deepEqual(parsePosition(text, 'room'), { epoch: 'k3v9qa', offset: 840 });
    assert.notEqual(parsePosition(text, 'room2')?.epoch, 'k3v9qa');
    fc.assert(
      fc.property(channel, epoch, offset, (name, of, at) => {
        const cursor = cursorOf(name, { epoch: of, offset: at });
        assert.match(cursor, /^[0-9a-z]{6}\.[0-9a-z]{1,11}$/);
        assert.deepEqual(parsePosition(cursor, name), { epoch: of, offset: at });
      }),
    );
  });

  it('comes back as it went, for 2 to 16 channels', () => {
    fc.assert(
      fc.property(several, (of) => {
        const [channels, epochs, offsets] = parts(of);
        const text = formatCursor(cursorPrefix(channels, epochs), offsets);
        assert.match(text, /^[A-Za-z0-9._~-]{1,256}$/);
        const parsed = parseCursor(text, channels.length);
        assert.ok(parsed);
        assert.deepEqual(
          resolveCursor(parsed, channels, epochs),
          of.map((log) => ({ epoch: log.epoch, offset: log.offset })),
        );
      }),
    );
  });

  it('stays within the 128 bytes that cost no preflight, for 16 channels of a billion events', () => {
    const channels = Array.from({ length: 16 }, (_, i) => `c${i}`);
    const prefix = cursorPrefix(
      channels,
      channels.map(() => 'zzzzzz'),
    );
    assert.ok(
      formatCursor(
        prefix,
        channels.map(() => 2_000_000_000),
      ).length <= 128,
    );
  });

  it('of other channels, another order or another epoch resolves to nothing', () => {
    fc.assert(
      fc.property(several, epoch, (of, other) => {
        fc.pre(other !== of[0]!.epoch);
        const [channels, epochs, offsets] = parts(of);
        const parsed = parseCursor(formatCursor(cursorPrefix(channels, epochs), offsets), of.length)!;
        assert.equal(resolveCursor(parsed, channels.toReversed(), epochs.toReversed()), undefined);
        assert.equal(resolveCursor(parsed, channels, [other, ...epochs.slice(1)]), undefined);
        assert.equal(resolveCursor(parsed, [...channels.slice(1), 'another~'], epochs), undefined);
        assert.equal(parseCursor(formatCursor(parsed.prefix, offsets), of.length + 1), undefined);
      }),
    );
  });
});

describe('a cursor of several channels, some of which have a new epoch since', () => {
  const channels = ['a', 'b', 'c'];
  const lineages = [
    { epoch: 'a00002', parent: 'a00001' },
    { epoch: 'b00001', parent: undefined },
    { epoch: 'c00002', parent: 'c00001' },
  ];
  const of = (epochs: string[]) => {
    const text = formatCursor(cursorPrefix(channels, epochs), [1, 2, 3]);
    return resolveInLineage(parseCursor(text, 3)!, channels, lineages)?.map(({ epoch }) => epoch);
  };

  it('is of the epochs that it was made in, where those are parents', () => {
    for (const epochs of [
      ['a00002', 'b00001', 'c00002'],
      ['a00001', 'b00001', 'c00001'],
      ['a00001', 'b00001', 'c00002'],
      ['a00002', 'b00001', 'c00001'],
    ]) {
      assert.deepEqual(of(epochs), epochs);
    }
    assert.equal(of(['a00000', 'b00001', 'c00002']), undefined);
    assert.equal(of(['a00002', 'b00000', 'c00002']), undefined);
  });
});

describe('cursors of each channel, joined', () => {
  const joinedOf = (of: readonly { channel: string; epoch: string; offset: number }[]) => {
    const [channels, epochs, offsets] = parts(of);
    return formatCursor(cursorPrefix(channels, epochs, true), offsets);
  };
  const positionsOf = (of: readonly { epoch: string; offset: number }[]) =>
    of.map((log) => ({ epoch: log.epoch, offset: log.offset }));

  it('come back as they went, also in another order, and for some of the channels', () => {
    fc.assert(
      fc.property(several, fc.nat(15), (of, count) => {
        const text = joinedOf(of);
        assert.match(text, /^[a-z0-9.~]{1,303}$/);
        const cursors = parseJoined(text)!;
        const asked = of.toReversed().slice(0, 1 + (count % of.length));
        const [channels, epochs] = parts(asked);
        const lineages = epochs.map((epoch) => ({ epoch, parent: undefined }));
        assert.deepEqual(resolveJoined(cursors, channels, lineages), {
          positions: positionsOf(asked),
          hasStranger: asked.length < of.length,
        });
      }),
    );
  });

  it('say nothing of a channel that is new, or in another epoch; of two of one channel the one that is further back', () => {
    const [a, b] = [
      { channel: 'a', epoch: 'k3v9qa', offset: 7 },
      { channel: 'b', epoch: 'zzzzzz', offset: 0 },
    ];
    const lineagesOf = (epochs: string[]) => epochs.map((epoch) => ({ epoch, parent: undefined }));
    const of = (text: string, epochs: string[]) => resolveJoined(parseJoined(text)!, ['a', 'b'], lineagesOf(epochs));
    const here = [a.epoch, b.epoch];
    assert.deepEqual(of(joinedOf([a]), here), { positions: [...positionsOf([a]), undefined], hasStranger: false });
    assert.deepEqual(of(joinedOf([a, b]), ['aaaaaa', b.epoch]), {
      positions: [undefined, ...positionsOf([b])],
      hasStranger: true,
    });
    const twice = `${joinedOf([a])}~${joinedOf([{ ...a, offset: 5 }])}`;
    assert.deepEqual(of(twice, here).positions[0], { epoch: a.epoch, offset: 5 });
  });

  it('of the epoch before come back with it; but one of this epoch counts, where there are both', () => {
    const lineages = [
      { epoch: 'bbbbbb', parent: 'aaaaaa' },
      { epoch: 'cccccc', parent: undefined },
    ];
    const of = (text: string) => resolveJoined(parseJoined(text)!, ['a', 'b'], lineages);
    const before = { channel: 'a', epoch: 'aaaaaa', offset: 5 };
    const after = { channel: 'a', epoch: 'bbbbbb', offset: 6 };
    assert.deepEqual(of(joinedOf([before])), { positions: [...positionsOf([before]), undefined], hasStranger: false });
    const both = `${joinedOf([before])}~${joinedOf([after])}`;
    assert.deepEqual(of(both).positions[0], { epoch: 'bbbbbb', offset: 6 });
  });

  it('are sixteen at most, and nothing but cursors of one channel', () => {
    const longest = 'k3v9qa.2gosa7pa2gv';
    assert.equal(parseJoined(Array(16).fill(longest).join('~'))?.length, 16);
    const garbage = ['', '~', `${longest}~`, `~${longest}`, 'k3v9qa.1~k3v9qa', 'k3v9qa.1.2', 'k3v9qa.1~k3v9qab8.1.2'];
    for (const text of [...garbage, Array(17).fill('k3v9qa.1').join('~'), '~'.repeat(100_000)]) {
      assert.equal(parseJoined(text), undefined, text.slice(0, 40));
    }
  });
});

describe('what is no cursor', () => {
  it('is undefined', () => {
    const garbage = [
      '',
      '.',
      'k3v9qa',
      'k3v9qa.',
      '.1',
      'k3v9qa.01',
      'k3v9qa.-1',
      'k3v9qa.1.2',
      'K3V9QA.1',
      'k3v9q.1',
      'k3v9qaa.1',
    ];
    garbage.push(
      'k3v9qa.A',
      'k3v9qa.1 ',
      ' k3v9qa.1',
      'k3v9qa.1\n',
      'k3v9qa.zzzzzzzzzzz',
      'k3v9qa.1e5 ',
      'k3v9qa.0x1',
      'k3v9qa..1',
    );
    garbage.push(
      `k3v9qa.${'1'.repeat(12)}`,
      `k3v9qa.${'0'.repeat(300)}`,
      'x'.repeat(100_000),
      '.'.repeat(100_000),
      'k3v9qa.１',
    );
    for (const text of garbage) assert.equal(parseCursor(text, 1), undefined, JSON.stringify(text.slice(0, 40)));
  });

  it('never throws, and what is accepted is canonical', () => {
    const near = fc.string({ maxLength: 40, unit: fc.constantFrom(...'abz019._~-A \0\né') });
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), near), fc.integer({ min: 1, max: 16 }), (text, count) => {
        const parsed = parseCursor(text, count);
        if (parsed === undefined) return;
        assert.equal(formatCursor(parsed.prefix, parsed.offsets), text);
        for (const one of parsed.offsets) assert.ok(Number.isSafeInteger(one) && one >= 0);
      }),
    );
  });
});

describe('an epoch', () => {
  it('has six characters, whatever chance says', () => {
    for (const chance of [0, 0.5, 1 - Number.EPSILON])
      assert.match(
        newEpoch(() => chance),
        EPOCH_PATTERN,
      );
    assert.notEqual(newEpoch(), newEpoch());
  });
});
