/** Readers of a state with `fresh=1` while it changes: each knows what was answered 204 before it asked, and looks whether that is in it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';

export interface FreshLoad {
  readonly postUrl: string;
  readonly streamUrls: readonly string[];
  /** Counted by `tally`. */
  readonly channels: readonly string[];
  readonly readers: number;
  readonly changesPerS: number;
  readonly seconds: number;
}

export interface FreshRun {
  /** Answered 204. */
  readonly changes: number;
  readonly reads: number;
  /** Reads that were answered 503: the merge was behind. */
  readonly late: number;
  /** A sentence for each read that missed a change. */
  readonly missed: readonly string[];
  /** Of the reads, milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

const CONNECTIONS = 64;
/** Between two looks at how many changes are due. */
const TICK_MS = 5;

export async function readFresh(load: FreshLoad): Promise<FreshRun> {
  const { channels, readers, changesPerS, seconds } = load;
  const answered = new Map(channels.map((channel) => [channel, 0]));
  const posts = new Pool(load.postUrl, { connections: CONNECTIONS });
  const gateways = load.streamUrls.map((url) => new Pool(url, { connections: readers }));
  const missed: string[] = [];
  const tookMs: number[] = [];
  let [late, isOver] = [0, false];

  async function send(channel: string): Promise<void> {
    const { statusCode, body } = await posts.request({ method: 'POST', path: `/c/${channel}`, body: 'x' });
    await body.dump();
    if (statusCode === 204) answered.set(channel, answered.get(channel)! + 1);
  }

  async function write(): Promise<void> {
    const startedMs = performance.now();
    const underWay = new Set<Promise<void>>();
    for (let sent = 0; performance.now() - startedMs < seconds * 1000; ) {
      const due = ((performance.now() - startedMs) / 1000) * changesPerS;
      for (; sent < due; sent++) {
        const sending: Promise<void> = send(channels[sent % channels.length]!).finally(() => underWay.delete(sending));
        underWay.add(sending);
      }
      await sleep(TICK_MS);
    }
    await Promise.all(underWay);
    isOver = true;
  }

  async function read(nth: number): Promise<void> {
    const [channel, gateway] = [channels[nth % channels.length]!, gateways[nth % gateways.length]!];
    while (!isOver) {
      const before = answered.get(channel)!;
      const beganMs = performance.now();
      const { statusCode, body } = await gateway.request({ method: 'GET', path: `/c/${channel}/state?fresh=1` });
      const told = (await body.json()) as { state?: { x?: string } };
      tookMs.push(performance.now() - beganMs);
      if (statusCode === 503) late++;
      else if (Number(told.state?.x ?? 0) < before)
        missed.push(`${channel}: ${before} were answered, it has ${told.state?.x}`);
    }
  }

  try {
    await Promise.all([write(), ...Array.from({ length: readers }, (_, nth) => read(nth))]);
  } finally {
    await Promise.all([posts, ...gateways].map((pool) => pool.close()));
  }
  tookMs.sort((a, b) => a - b);
  const at = (q: number) => tookMs[Math.min(tookMs.length - 1, Math.floor(q * tookMs.length))] ?? 0;
  const changes = [...answered.values()].reduce((sum, count) => sum + count, 0);
  return { changes, reads: tookMs.length, late, missed, p50: at(0.5), p99: at(0.99) };
}
