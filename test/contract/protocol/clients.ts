/** Clients that exist: undici's EventSource, the eventsource package, and curl, each cut off and coming back (P12, P14, P15). */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { EventSource as PackagedEventSource } from 'eventsource';
import { EventSource as UndiciEventSource } from 'undici';
import { startCutProxy } from '../../support/cut-proxy.ts';
import { type Frame, isDispatched, SseParser } from '../../support/sse.ts';
import { waitFor } from '../../support/wait.ts';
import { isEvent, type Kit, newChannel, type Sync } from './kit.ts';

/** What both have of the standard's interface. */
interface StandardEventSource {
  addEventListener(type: string, listener: (event: { data?: string; lastEventId?: string }) => void): void;
  close(): void;
}

const clients: readonly (readonly [string, new (url: string) => StandardEventSource])[] = [
  ["undici's EventSource", UndiciEventSource as unknown as new (url: string) => StandardEventSource],
  ['the eventsource package', PackagedEventSource as unknown as new (url: string) => StandardEventSource],
];

/** `retry:` is 1 to 3 s, after each cut. */
const RETURN_TIMEOUT_MS = 30_000;

function watch(source: StandardEventSource) {
  const seen = { opened: 0, syncs: [] as Sync[], data: [] as string[], lastEventId: '' };
  source.addEventListener('open', () => {
    seen.opened++;
  });
  source.addEventListener('$sync', ({ data }) => seen.syncs.push(JSON.parse(data!) as Sync));
  source.addEventListener('message', ({ data, lastEventId }) => {
    seen.data.push(data!);
    seen.lastEventId = lastEventId!;
  });
  source.addEventListener('$binary', ({ data }) => seen.data.push(data!));
  const until = (what: string, condition: () => boolean) =>
    waitFor(condition, { what: () => `${what}; seen: ${JSON.stringify(seen)}`, timeoutMs: RETURN_TIMEOUT_MS });
  return { seen, until };
}

/** A curl that runs until it is ended. */
function startCurl(...args: string[]) {
  const child = spawn('curl', ['-sN', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const parser = new SseParser();
  const frames: Frame[] = [];
  child.stdout.on('data', (chunk: Buffer) => frames.push(...parser.push(chunk).filter(isDispatched)));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    frames,
    until: (what: string, condition: (frames: readonly Frame[]) => boolean) =>
      waitFor(() => condition(frames), { what: () => `${what}; curl got ${JSON.stringify(frames)}` }),
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

const statusOf = ({ data }: Frame) => (JSON.parse(data!) as Sync).status;
const eventsOf = (frames: readonly Frame[]) => frames.filter(isEvent).map(({ data }) => data);

export function clientsTests(kit: Kit): void {
  const { it } = kit;

  for (const [name, Source] of clients) {
    it(`P14: ${name} sees what it should, and nothing is lost or repeated when it is cut off`, async () => {
      await using proxy = await startCutProxy(kit.streamUrl());
      const channel = newChannel();
      const source = new Source(`${proxy.url}/c/${channel}/events`);
      try {
        const { seen, until } = watch(source);
        await until('$sync', () => seen.syncs.length === 1);
        assert.equal(seen.opened, 1);
        assert.equal(seen.syncs[0]!.status, 'fresh');
        await kit.send(channel, 'a', 'two\nlines', Buffer.of(0xff));
        await until('three events', () => seen.data.length === 3);
        proxy.hold();
        proxy.cut();
        await kit.send(channel, 'd', 'e');
        await kit.settled(channel, 5);
        proxy.pointAt(kit.otherStreamUrl());
        proxy.release();
        await until('what was missed', () => seen.data.length === 5);
        assert.deepEqual([seen.syncs[1]!.status, seen.syncs[1]!.channels[channel]!.missed], ['resumed', 2]);
        await kit.send(channel, 'f');
        await until('live again', () => seen.data.length === 6);
        assert.deepEqual(seen.data, ['a', 'two\nlines', '{"b64":"/w=="}', 'd', 'e', 'f']);
        assert.equal(seen.lastEventId, (await kit.settled(channel, 6)).at(-1)!.id);
        assert.equal(seen.opened, 2);
      } finally {
        source.close();
      }
    });

    it(`P14: ${name}, cut off before its first event, comes back to where it began`, async () => {
      await using proxy = await startCutProxy(kit.streamUrl());
      const [a, b] = [newChannel(), newChannel()];
      const source = new Source(`${proxy.url}/c/${a},${b}/events`);
      try {
        const { seen, until } = watch(source);
        await until('$sync', () => seen.syncs.length === 1);
        proxy.cut();
        await kit.send(a, 'first');
        await until('the first event', () => seen.data.length === 1);
        assert.deepEqual(
          seen.data.map((text) => JSON.parse(text) as unknown),
          [{ channel: a, data: 'first' }],
        );
        assert.equal(seen.syncs[1]!.status, 'resumed');
      } finally {
        source.close();
      }
    });
  }

  it('P13: curl is killed, two more are sent, and with the last id it gets exactly these two', async () => {
    const channel = newChannel();
    const url = `${kit.streamUrl()}/c/${channel}/events`;
    const first = startCurl(url);
    await first.until('$sync', (frames) => frames.length === 1);
    await kit.send(channel, 'x');
    await first.until('the event', (frames) => eventsOf(frames).length === 1);
    await first.kill();
    assert.equal(statusOf(first.frames[0]!), 'fresh');
    assert.deepEqual(eventsOf(first.frames), ['x']);
    await kit.send(channel, 'y', 'z');
    await kit.settled(channel, 3);
    const again = startCurl('-H', `Last-Event-ID: ${first.frames.at(-1)!.id}`, url);
    await again.until('both', (frames) => eventsOf(frames).length >= 2);
    await kit.send(channel, 'live');
    await again.until('the next', (frames) => eventsOf(frames).length >= 3);
    await again.kill();
    assert.equal(statusOf(again.frames[0]!), 'resumed');
    assert.deepEqual(eventsOf(again.frames), ['y', 'z', 'live']);
  });

  it('P14: the same with the id of $sync, for a curl that was killed before its first event', async () => {
    const channel = newChannel();
    await kit.send(channel, 'before');
    await kit.settled(channel, 1);
    const url = `${kit.streamUrl()}/c/${channel}/events`;
    const first = startCurl(url);
    await first.until('$sync', (frames) => frames.length === 1);
    await first.kill();
    await kit.send(channel, 'y', 'z');
    const again = startCurl('-H', `Last-Event-ID: ${first.frames[0]!.id}`, url);
    await again.until('both', (frames) => eventsOf(frames).length >= 2);
    await again.kill();
    assert.equal(statusOf(again.frames[0]!), 'resumed');
    assert.deepEqual(eventsOf(again.frames), ['y', 'z']);
  });

  it('P3: curl -d sends the change as it is', async () => {
    const channel = newChannel();
    const sent = startCurl('-d', 'a=1&b=%20', `${kit.postUrl()}/c/${channel}`);
    const [event] = await kit.settled(channel, 1);
    await sent.kill();
    assert.equal(event!.data, 'a=1&b=%20');
  });
}
