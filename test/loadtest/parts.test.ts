/** The load tester's parts by themselves: arguments, the plan, the parser, the histogram. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Frame, type Head, Parser } from '../../loadtest/listening/parser.ts';
import { Histogram } from '../../loadtest/measures/histogram.ts';
import type { Limits } from '../../loadtest/measures/machine.ts';
import { BadUse, readArguments } from '../../loadtest/run/arguments.ts';
import { planWorkers } from '../../loadtest/run/plan.ts';

const target = ['--target', 'http://127.0.0.1:8080'];

describe('arguments', () => {
  const nonsense: readonly [args: string[], word: RegExp][] = [
    [[], /--target is missing/],
    [['--target', 'localhost:8080'], /does not begin with http|no URL/],
    [['--target', 'https://127.0.0.1'], /TLS/],
    [['--target', 'http://127.0.0.1/c/x'], /only host and port/],
    [[...target, '--streams', '0'], /--streams 0 is no whole number from 1/],
    [[...target, '--streams', '1e6'], /no whole number/],
    [[...target, '--streams', '10', '--channels', '11'], /nobody listens/],
    [[...target, '--rate', 'fast'], /--rate/],
    [[...target, '--rate', '10/day'], /no rate/],
    [[...target, '--rate', '10', '--every', '1s'], /give one/],
    [[...target, '--duration', '-1'], /--duration/],
    [[...target, '--duration', '10 parsecs'], /no time/],
    [[...target, '--reconnect', '200%/s'], /no share/],
    [[...target, '--interval', 'sometimes'], /neither random nor even/],
    [[...target, '--late', 'never'], /--late never is no time/],
    [[...target, '--payload', '2000'], /from 1 to 1024/],
    [[...target, '--spread', '2'], /--spread 2/],
    [[...target, '--streems', '10'], /Unknown option '--streems'/],
    [[...target, '--streams', '10', '--streams', '20'], /given twice/],
    [[...target, 'surplus'], /surplus/],
  ];
  for (const [args, word] of nonsense) {
    it(`are refused with a clear word: ${args.slice(-2).join(' ') || 'none'}`, () => {
      assert.throws(() => readArguments(args), { constructor: BadUse, message: word });
    });
  }

  it('are read with their units', () => {
    const read = (...args: string[]) => readArguments([...target, ...args])!;
    assert.equal(read('--rate', '120/min').ratePerS, 2);
    assert.equal(read('--streams', '6000', '--every', '10m').ratePerS, 10);
    assert.equal(read('--streams', '6000', '--reconnect', '1%/min').reconnectPerS, 1);
    assert.equal(read('--duration', '10m').durationS, 600);
    assert.equal(read('--late', '250ms').lateMs, 250);
    assert.equal(read('--streams', '1_000').channels, 100);
    assert.deepEqual(read().streamsTargets, ['http://127.0.0.1:8080']);
  });
});

describe('the plan', () => {
  const limits: Limits = {
    descriptors: 20_000,
    fileMax: 1e7,
    ports: { from: 32_768, count: 28_232 },
    memoryAvailableBytes: 2 ** 35,
  };
  const plan = (args: string[], isLoopback = true, changed: Partial<Limits> = {}) =>
    planWorkers(readArguments([...target, ...args])!, { ...limits, ...changed }, isLoopback);

  it('shares every stream out once, channels whole where they fit, and never more than a process can hold', () => {
    for (const [streams, channels] of [
      [1_000_000, 100_000],
      [100_000, 1],
      [100_000, 3],
      [50_000, 50_000],
      [12_345, 678],
      [1, 1],
    ] as const) {
      const plans = plan(['--streams', String(streams), '--channels', String(channels)]);
      const parts = plans.flatMap((one) => one.parts);
      const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
      assert.equal(sum(plans.map((one) => one.streams)), streams);
      for (const one of plans) {
        assert.ok(one.streams <= 19_000 && one.streams === sum(one.parts.map((part) => part.streams)));
        assert.ok(one.streams <= one.sources.length * 12_000);
      }
      assert.equal(parts.filter(({ isOwner }) => isOwner).length, channels);
      const sources = plans.flatMap((one) => one.sources);
      assert.equal(new Set(sources).size, sources.length);
      for (const part of parts) {
        const others = parts.filter(({ room }) => room === part.room);
        if (others.length > 1) assert.ok(part.isSplit && sum(others.map((other) => other.streams)) === part.clients);
        if (channels > 10) break;
      }
      if (streams / channels <= 10) assert.ok(parts.filter(({ isSplit }) => isSplit).length <= 2 * plans.length);
    }
  });

  it('refuses what does not fit, with the command that helps', () => {
    assert.throws(() => plan(['--streams', '100000'], true, { descriptors: 1050 }), /ulimit -n \d+/);
    assert.throws(() => plan(['--streams', '100000'], true, { fileMax: 50_000 }), /sysctl -w fs\.file-max=300000/);
    assert.throws(() => plan(['--streams', '30000'], false), /ip_local_port_range/);
    assert.throws(() => plan(['--streams', '100000'], true, { memoryAvailableBytes: 2 ** 29 }), /GiB are free/);
  });
});

describe('the parser', () => {
  function read(pieces: readonly string[]) {
    const heads: Head[] = [];
    const frames: string[] = [];
    const wrong: string[] = [];
    let heartbeats = 0;
    let over = 0;
    const parser = new Parser(1, {
      head: (_row, head) => heads.push(head) > 0,
      frame(_row, { bytes, idFrom, idTo, dataFrom, dataTo, event }: Frame) {
        const text = (from: number, to: number) => bytes.toString('utf8', from, to);
        frames.push(`${event}|${text(idFrom, idTo)}|${text(dataFrom, dataTo)}`);
      },
      heartbeat: () => heartbeats++,
      malformed: (_row, why) => wrong.push(why),
      over: () => over++,
    });
    const shared = Buffer.alloc(4096, '\n');
    for (const piece of pieces) parser.feed(0, shared, shared.write(piece));
    return { heads, frames, wrong, heartbeats, over };
  }

  const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n';
  const body = 'retry: 5\nid: a.0\nevent: $sync\ndata: {}\n\n:\n\n:\nid: a.1\ndata: x\n\nid: a.2\r\ndata:y\r\n\r\n';
  const expected = ['$sync|a.0|{}', '|a.1|x', '|a.2|y'];

  it('reads the same whole and byte by byte', () => {
    const text = `${head}\r\n${body}`;
    for (const pieces of [[text], [...text]]) {
      const { heads, frames, wrong, heartbeats } = read(pieces);
      assert.equal(heads[0]!.contentType, 'text/event-stream');
      assert.deepEqual([frames, wrong, heartbeats], [expected, [], 2]);
    }
  });

  it('reads chunked answers, wherever they are cut', () => {
    const chunks = body.match(/[\s\S]{1,7}/g)!.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`);
    const text = `${head}Transfer-Encoding: chunked\r\n\r\n${chunks.join('')}0\r\n\r\n`;
    for (const size of [1, 2, 3, 5, 1000]) {
      const { frames, wrong, over } = read(text.match(new RegExp(`[\\s\\S]{1,${size}}`, 'g'))!);
      assert.deepEqual([frames, wrong, over], [expected, [], 1], `pieces of ${size}`);
    }
  });
});

describe('the histogram', () => {
  it('is at most 1 % off at any magnitude, alone or added up', () => {
    const whole = new Histogram();
    const sum = new Histogram();
    const values = Array.from({ length: 20_000 }, (_, i) => 1.0007 ** i / 1000);
    for (let from = 0; from < values.length; from += 1000) {
      const part = new Histogram();
      for (const value of values.slice(from, from + 1000)) {
        whole.recordMs(value);
        part.recordMs(value);
      }
      sum.add(part.take());
      assert.equal(part.count, 0);
    }
    for (const q of [0.01, 0.5, 0.9, 0.99, 0.999]) {
      const exact = values[Math.ceil(values.length * q) - 1]!;
      for (const histogram of [whole, sum]) {
        const error = Math.abs(histogram.quantileMs(q) - exact);
        assert.ok(error <= Math.max(0.001, exact * 0.01), `${q}: ${histogram.quantileMs(q)} for ${exact}`);
      }
    }
    assert.equal(whole.count, sum.count);
  });
});
