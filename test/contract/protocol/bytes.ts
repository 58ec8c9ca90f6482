/** Bytes: every change comes out as it went in, on every way out, and none can end a frame, a line or a string (P17). */
import assert from 'node:assert/strict';
import { before } from 'node:test';
import { waitFor } from '../../support/wait.ts';
import { bytesOf, type Envelope, envelopeOf, isEvent, type Kit, newChannel } from './kit.ts';
import { openLines, textsOf } from './lines.ts';

const everyByte = Array.from({ length: 256 }, (_, byte) => Buffer.of(byte));

/** What has broken somebody's parser, log, database or terminal before. */
const naughtyTexts = [
  'data: forged\n\n',
  '\n\nevent: $sync\ndata: {"status":"fresh"}\n\n',
  '\r\rid: 1\revent: $bye\rdata: x\r\r',
  '\r\n\r\nid: 0\r\ndata: forged\r\n\r\n',
  '\ndata: a\ndata: b',
  'id: 1',
  'event: $sync',
  'retry: 0',
  ': a comment',
  ':',
  ' leading blank',
  '  two',
  'trailing blank ',
  '\n',
  '\n\n',
  '\nx',
  'x\n',
  'x\n\n\ny',
  '\r',
  '\r\n',
  'x\ry',
  '\0',
  'x\0y',
  '\ufeff',
  '\ufeffx',
  'x\ufeff',
  '\u2028',
  '\u2029',
  '\u0085',
  '\u00a0',
  '\u200b',
  '\ufffd',
  '\uffff',
  '\u{1f600}',
  '\u{10ffff}',
  '\u202eabc',
  'Z\u0351\u036b\u0343a\u0321lgo',
  '\x1b[2J\x1b]0;title\x07',
  '\x7f',
  '"',
  '\\',
  '\\"',
  '"}\n{"event":"$bye"}\n',
  '{"data":"x","id":"y"}',
  '\\u0000',
  '</script><script>alert(1)</script>',
  "' OR 1=1; --",
  '\u0024{jndi:ldap://x}',
  '%0a%00',
  '*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n',
  '__proto__',
  'null',
  'undefined',
  'true',
  'NaN',
  '0',
  '[]',
  '$sync',
  '~',
  '~YQ==',
  '[DONE]',
  '\t',
  '\v\f',
  '\n'.repeat(1024),
  'data: '.repeat(170),
  '\u{1f600}'.repeat(256),
];

const naughtyBytes = [
  [0xff],
  [0xc0, 0x80],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0xe2, 0x82],
  [0xe2, 0x82, 0x0a],
  [0x80, 0x0a, 0x0a],
  [0xef, 0xbb, 0xbf],
  [0xef, 0xbb],
  [0xfe, 0xff, 0x00, 0x61],
  [0x61, 0x00, 0x00, 0x62],
  [0x1f, 0x8b, 0x08],
  [0xc1, 0xbf, 0x0d, 0x0a],
  Array(1024).fill(0x00),
  Array(1024).fill(0x0d),
  Array(1024).fill(0xff),
  Array.from({ length: 1024 }, (_, i) => i & 0xff),
];

const bodies: readonly Buffer[] = [
  ...everyByte,
  ...naughtyTexts.map((text) => Buffer.from(text)),
  ...naughtyBytes.map((bytes) => Buffer.from(bytes)),
];

const hex = (bytes: readonly Buffer[]) => bytes.map((each) => each.toString('hex'));

/** The standard's words (P17), once more: not what the server thinks, but what it promises. */
function isClean(bytes: Buffer): boolean {
  const isUtf8 = Buffer.from(bytes.toString('utf8')).equals(bytes);
  const hasBom = bytes.subarray(0, 3).equals(Buffer.of(0xef, 0xbb, 0xbf));
  return isUtf8 && !hasBom && !bytes.includes(0x00) && !bytes.includes(0x0d);
}

export function bytesTests(kit: Kit): void {
  const { it } = kit;
  let channel: string;
  let start: string;

  before(async () => {
    channel = newChannel();
    start = (await kit.poll(channel)).cursor;
    for (const [i, body] of bodies.entries()) {
      assert.equal((await kit.post(channel, body, { from: 'n.1', seq: i + 1 })).status, 204);
    }
    await kit.settled(channel, bodies.length);
  });

  it('P17: plain SSE; what is not clean text is a $binary in base64', async () => {
    const reader = await kit.stream(channel, { lastEventId: start });
    await using _ = reader;
    const frames = (await reader.take(bodies.length + 1)).slice(1);
    const seen = frames.map(({ event, data }) =>
      event === '$binary' ? bytesOf(JSON.parse(data!) as Envelope) : Buffer.from(data!),
    );
    assert.deepEqual(hex(seen), hex(bodies));
    assert.deepEqual(
      frames.map(({ event }) => event),
      bodies.map((body) => (isClean(body) ? 'message' : '$binary')),
    );
  });

  it('P17: no change forges a frame or a field: the wire is made of ours alone', async () => {
    const reader = await kit.stream(channel, { lastEventId: start });
    await using _ = reader;
    await reader.take(bodies.length + 1);
    const ids = new Set((await kit.everything(channel)).map(({ id }) => id));
    const [head = '', ...blocks] = reader.text().split('\n\n').slice(0, -1);
    assert.match(head, /^retry: \d+\nid: [\w.~-]+\nevent: \$sync\ndata: \{.*\}$/);
    const own = blocks.filter((block) => block !== ':');
    assert.equal(own.length, bodies.length);
    for (const block of own) {
      const [id = '', ...lines] = block.split('\n');
      assert.ok(ids.delete(id.replace(/^id: /, '')), `an id of ours, once: ${JSON.stringify(block.slice(0, 100))}`);
      if (lines[0] === 'event: $binary') lines.shift();
      assert.ok(lines.length > 0 && lines.every((line) => line.startsWith('data: ')), JSON.stringify(block));
    }
    assert.equal(reader.text().includes('\r'), false);
    assert.equal(reader.text().includes('\0'), false);
  });

  it('P17: a live stream as well as one that resumes', async () => {
    const copy = newChannel();
    const { reader } = await kit.live(copy);
    await using _ = reader;
    await kit.send(copy, ...bodies);
    const frames = await reader.take(bodies.length);
    const seen = frames.map(({ event, data }) =>
      event === '$binary' ? bytesOf(JSON.parse(data!) as Envelope) : Buffer.from(data!),
    );
    assert.deepEqual(hex(seen), hex(bodies));
  });

  it('P17: envelopes in SSE', async () => {
    for (const [names, query] of [
      [channel, 'with=seq'],
      [`${channel},${newChannel()}`, 'since=earliest'],
    ] as const) {
      const reader = await kit.stream(names, query === 'with=seq' ? { query, lastEventId: start } : { query });
      const frames = (await reader.take(bodies.length + 1)).slice(1);
      reader.close();
      assert.ok(frames.every(isEvent) && frames.every(({ event }) => event === 'message'));
      const envelopes = frames.map(envelopeOf);
      assert.deepEqual(hex(envelopes.map(bytesOf)), hex(bodies));
      assert.deepEqual(
        envelopes.map(({ data }) => data !== undefined),
        bodies.map(isClean),
      );
    }
  });

  it('P17: NDJSON, a line each', async () => {
    await using lines = await openLines(`${kit.streamUrl()}/c/${channel}/events?format=ndjson&since=${start}`);
    await waitFor(() => textsOf(lines).length > bodies.length, { what: 'all lines' });
    const full = textsOf(lines);
    const envelopes = full.map((line) => JSON.parse(line) as Envelope & { event?: string });
    assert.equal(envelopes.shift()!.event, '$sync');
    assert.ok(envelopes.every((envelope) => !('event' in envelope)));
    assert.deepEqual(hex(envelopes.map(bytesOf)), hex(bodies));
  });

  it('P17: a poll and the history', async () => {
    const polled = await kit.poll(channel, `since=${start}`);
    assert.deepEqual(hex(polled.events.map(bytesOf)), hex(bodies));
    const kept = await kit.everything(channel);
    assert.deepEqual(hex(kept.map(bytesOf)), hex(bodies));
  });

  it('P17: raw, a line each, without anything that drives a terminal', async () => {
    await using lines = await openLines(`${kit.streamUrl()}/c/${channel}/events?format=raw&since=${start}`);
    const expected = bodies.length;
    await waitFor(() => lines.lines.length >= expected, { what: 'a line for each change' });
    const seen = lines.lines.slice(0, expected);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    for (const line of seen) assert.doesNotMatch(line, /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/);
    assert.equal(seen[0x41], 'A');
  });

  it('P24: state, as values and as names of fields', async () => {
    const [latest, tally] = [newChannel('latest'), newChannel('tally')];
    const distinct = new Set(hex(bodies.slice(everyByte.length)));
    const some = [...distinct].map((digits) => Buffer.from(digits, 'hex'));
    for (const [i, body] of some.entries()) {
      assert.equal((await kit.post(latest, body, { from: `p${i}.1`, seq: 1 })).status, 204);
      await kit.send(tally, body, body);
    }
    await kit.settled(latest, some.length);
    await kit.settled(tally, 2 * some.length);
    const { state, b64 } = await kit.state(latest);
    for (const [i, body] of some.entries()) {
      const isText = isClean(body);
      const value = isText ? Buffer.from(state[`p${i}`]!) : Buffer.from(b64[`p${i}`]!, 'base64');
      assert.equal(value.toString('hex'), body.toString('hex'));
    }
    const counts = await kit.state(tally);
    assert.equal(Object.keys(counts.state).length, some.length, 'each value has a field of its own');
    assert.deepEqual(new Set(Object.values(counts.state)), new Set(['2']));
  });

  it('P24: names such as __proto__ are fields like any other', async () => {
    const channels = [newChannel('latest'), newChannel('tally')];
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      assert.equal((await kit.post(channels[0]!, name, { from: `${name}.1`, seq: 1 })).status, 204);
      await kit.send(channels[1]!, name);
    }
    for (const [i, each] of channels.entries()) {
      await kit.settled(each, 4);
      const { body } = await kit.get(`/c/${each}/state`);
      for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
        assert.ok(body.includes(`"${name}":"${i === 0 ? name : '1'}"`), body.toString());
      }
    }
  });
}
