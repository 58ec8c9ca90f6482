/**
 * A storm of comparing: gateways with many channels lose the connection by which they hear, or Redis itself, while every channel
 * gets a change. What is measured is from the 204 of each change to its event, and what it costs everybody else.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Pool } from 'undici';
import { quantile } from '../../loadtest/measures/quantile.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { createRandom } from '../support/random.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { waitFor } from '../support/wait.ts';
import { openStreams, residentBytesOf, streamRequest } from './kit.ts';

export interface Storm {
  /** Of all gateways together. */
  readonly channels: number;
  /** 1: one process does all; more: as many gateways beside one that does the rest. */
  readonly gateways: number;
  /** Nothing: to see what the changes alone cost. */
  readonly loses: 'nothing' | 'subscriber' | 'redis';
  /** Changes are sent within so many seconds, one to each channel, or as fast as the machine can. */
  readonly withinS: number;
}

export interface Figures {
  /** From the 204 of a change to its event. */
  readonly slowestEventMs: number;
  readonly medianEventMs: number;
  readonly slowestPostMs: number;
  /** Processor time of the longest turn of the event loop, of all processes. */
  readonly longestTurnMs: number;
  /** Of the gateway that grew most. */
  readonly growth: number;
  /** Resident memory of the largest gateway. */
  readonly mostBytes: number;
  /** Connections to Redis that were lost, beside those that were cut. */
  readonly lost: number;
  readonly degraded: number;
  readonly p99EventMs: number;
  /** For how long the process of the senders and readers itself stood still at most: what is above that is not its own. */
  readonly stallMs: number;
  /** What the servers warned of. */
  readonly warnings: readonly string[];
}

const CHANNELS_PER_STREAM = 16;
const SENDERS = 64;
const OPENING = 50;
const RESEND_MS = 50;
const SAMPLE_MS = 50;
const WAIT_MS = 240_000;
/** Hubs that have just opened are compared once in turn; then they are at rest. */
const REST_MS = 6_000;
const SIGNAL_MS = 500;
/** pino's. */
const WARN = 40;

/** What has come of each change, by its number. */
class Readers {
  readonly arrivedMs: number[] = [];
  count = 0;
  degraded = 0;
  ended = 0;
  readonly #sockets: Socket[] = [];

  async open({ port }: ServerProcess, channels: readonly string[]): Promise<void> {
    for (let i = 0; i < channels.length; i += CHANNELS_PER_STREAM * OPENING) {
      const some = channels.slice(i, i + CHANNELS_PER_STREAM * OPENING);
      const streams = Math.ceil(some.length / CHANNELS_PER_STREAM);
      const of = (n: number) => some.slice(n * CHANNELS_PER_STREAM, (n + 1) * CHANNELS_PER_STREAM).join(',');
      await Promise.all(Array.from({ length: streams }, (_, n) => this.#openOne(port, of(n))));
    }
  }

  #openOne(port: number, channels: string): Promise<void> {
    const socket = connect(port, '127.0.0.1');
    this.#sockets.push(socket);
    socket.write(streamRequest(channels));
    socket.on('close', () => this.ended++).on('error', () => undefined);
    let rest = '';
    return new Promise((resolve) => {
      socket.on('data', (bytes) => {
        const text = rest + bytes.toString('latin1');
        const end = text.lastIndexOf('\n\n') + 1;
        rest = text.slice(end);
        if (text.includes('event: $sync')) resolve();
        this.#take(text.slice(0, end));
      });
    });
  }

  #take(text: string): void {
    const nowMs = performance.now();
    for (const [, number] of text.matchAll(/"data":"n(\d+)"/g)) {
      if (this.arrivedMs[Number(number)] !== undefined) continue;
      this.arrivedMs[Number(number)] = nowMs;
      this.count++;
    }
    if (text.includes('"status":"degraded"')) this.degraded++;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Sends it until it is accepted. @returns When the first answer came, and when the 204 did. */
async function send(pool: Pool, channel: string, body: string): Promise<{ answeredMs: number; acceptedMs: number }> {
  let answeredMs = 0;
  for (;;) {
    const { statusCode, body: answer } = await pool.request({ method: 'POST', path: `/c/${channel}`, body });
    await answer.dump();
    answeredMs ||= performance.now();
    if (statusCode === 204) return { answeredMs, acceptedMs: performance.now() };
    await sleep(RESEND_MS);
  }
}

/** One change to each channel. */
async function sendAll(url: string, channels: readonly string[], withinS: number, first = 0) {
  const pool = new Pool(url, { connections: SENDERS });
  const acceptedMs: number[] = [];
  let slowestMs = 0;
  let next = 0;
  const beganMs = performance.now();
  const senders = Array.from({ length: SENDERS }, async () => {
    for (let i = next++; i < channels.length; i = next++) {
      const dueMs = beganMs + (i / channels.length) * withinS * 1000;
      if (dueMs > performance.now()) await sleep(dueMs - performance.now());
      const sentMs = performance.now();
      const times = await send(pool, channels[i]!, `n${first + i}`);
      slowestMs = Math.max(slowestMs, times.answeredMs - sentMs);
      acceptedMs[i] = times.acceptedMs;
    }
  });
  await Promise.all(senders);
  await pool.close();
  return { acceptedMs, slowestMs };
}

function shuffled<T>(values: readonly T[]): T[] {
  const random = createRandom(1);
  const all = [...values];
  for (let i = all.length - 1; i > 0; i--) {
    const other = random.int(i + 1);
    [all[i], all[other]] = [all[other]!, all[i]!];
  }
  return all;
}

async function lose(redis: RedisServer, what: Storm['loses']): Promise<void> {
  if (what === 'subscriber') return void (await redis.cli('client', 'kill', 'type', 'pubsub'));
  if (what === 'nothing') return;
  await redis.kill9();
  await redis.restart();
}

export async function storm({ channels: count, gateways, loses, withinS }: Storm): Promise<Figures> {
  const dir = mkdtempSync(join(tmpdir(), 'smallchange-storm-'));
  await using redis = await startRedis({ appendfsync: 'everysec' });
  const files: string[] = [];
  const start = (env: Record<string, string>) => {
    const TURNS_FILE = join(dir, `turns-${files.length}`);
    files.push(TURNS_FILE);
    const NODE_OPTIONS = `--import=${fileURLToPath(new URL('./longest-turn.mjs', import.meta.url))}`;
    return startServer({ env: { REDIS_URL: redis.url, NODE_OPTIONS, TURNS_FILE, SPREAD_INTERVAL_MS: '0', ...env } });
  };
  const servers: ServerProcess[] = [];
  const readers = new Readers();
  try {
    servers.push(await start(gateways === 1 ? {} : { ROLES: 'bucket,merger' }));
    if (gateways > 1) for (let i = 0; i < gateways; i++) servers.push(await start({ ROLES: 'gateway' }));
    const holders = gateways === 1 ? servers : servers.slice(1);
    const channels = Array.from({ length: count }, (_, i) => `channel-${i}`);
    await sendAll(servers[0]!.url, channels, 0);
    const share = Math.ceil(count / gateways);
    for (const [i, holder] of holders.entries()) await readers.open(holder, channels.slice(i * share, (i + 1) * share));
    for (const holder of holders) {
      const expected = Math.ceil(share / CHANNELS_PER_STREAM);
      await waitFor(async () => (await openStreams(holder)) >= expected, { timeoutMs: WAIT_MS, what: 'the streams' });
    }
    await sleep(REST_MS);

    const turns = async () => {
      for (const { pid } of servers) process.kill(pid, 'SIGUSR2');
      await sleep(SIGNAL_MS);
      return Math.max(...files.map((file) => Number(readFileSync(file, 'utf8'))));
    };
    await turns();
    const before = holders.map(residentBytesOf);
    const most = [...before];
    let stallMs = 0;
    let sampledMs = performance.now();
    const sampling = setInterval(() => {
      const nowMs = performance.now();
      stallMs = Math.max(stallMs, nowMs - sampledMs - SAMPLE_MS);
      sampledMs = nowMs;
      for (const [i, holder] of holders.entries()) most[i] = Math.max(most[i]!, residentBytesOf(holder));
    }, SAMPLE_MS);
    const sent = sendAll(servers[0]!.url, shuffled(channels), withinS, count);
    await lose(redis, loses);
    const { acceptedMs, slowestMs } = await sent;
    await waitFor(() => readers.count >= count, {
      timeoutMs: WAIT_MS,
      what: () => `${count} events, there are ${readers.count}`,
    });
    clearInterval(sampling);
    if (readers.ended > 0) throw new Error(`${readers.ended} streams ended`);
    const tookMs = acceptedMs.map((ms, i) => Math.max(0, readers.arrivedMs[count + i]! - ms));
    const warnings = servers.flatMap(({ logged }) => logged.filter(({ level }) => Number(level) >= WARN));
    const losses = servers.flatMap(({ logged }) => logged.filter(({ msg }) => msg === 'connection to Redis lost'));
    return {
      slowestEventMs: quantile(tookMs, 1),
      medianEventMs: quantile(tookMs, 0.5),
      slowestPostMs: slowestMs,
      longestTurnMs: await turns(),
      growth: Math.max(...most.map((bytes, i) => bytes / before[i]! - 1)),
      mostBytes: Math.max(...most),
      lost: losses.filter(({ connection }) => loses !== 'redis' && connection !== 'subscriber').length,
      degraded: readers.degraded,
      p99EventMs: quantile(tookMs, 0.99),
      stallMs,
      warnings: warnings.map(({ msg, reason }) => `${msg}: ${reason}`),
    };
  } finally {
    readers.close();
    for (const server of servers) await server.kill9();
    rmSync(dir, { recursive: true, force: true });
  }
}
