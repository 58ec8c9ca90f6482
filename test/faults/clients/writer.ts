/**
 * A publisher as the protocol wants it (P5, P6): one unanswered change per channel, the very same again until it has a
 * 2xx. Now and then it starts anew, with another nonce, and never learns what became of its last change.
 *
 * A writer without `from` sends each change once, with bytes that nobody else ever sends.
 */
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../support/random.ts';
import { base64, type Outcome, type Recorder } from '../history.ts';

export interface WriterOptions {
  readonly name: string;
  readonly url: string;
  readonly channels: readonly string[];
  readonly recorder: Recorder;
  readonly random: Random;
  /** Changes a second, about; as fast as answers come with 0. */
  readonly rate: number;
  readonly withSeq: boolean;
  /** It ends by itself after so many changes. */
  readonly changes?: number;
}

export interface Writer {
  /** Begins nothing new; what is unanswered is still brought to its end. */
  stop(): void;
  /** Resolves when nothing of its is unanswered any more. */
  readonly done: Promise<void>;
}

const TIMEOUT_MS = 2_500;
/** Below 1: how often a change is followed by a new start. */
const RESTART_CHANCE = 0.002;
const GIVE_UP_CHANCE = 0.05;

export function startWriter(options: WriterOptions): Writer {
  const { name, url, channels, recorder, random, rate, withSeq, changes = Number.POSITIVE_INFINITY } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const { hostname, port } = new URL(url);
  const seqs = new Map<string, number>();
  let nonce = 1;
  let isStopped = false;

  function send(channel: string, from: string, seq: number, body: Buffer): Promise<Outcome> {
    const id = recorder.nextId();
    const path = seq > 0 ? `/c/${channel}?from=${from}&seq=${seq}` : `/c/${channel}`;
    recorder.add({ t: 'send', id, channel, from, seq, body: base64(body) });
    return new Promise((resolve) => {
      const settle = (status: number) => {
        const outcome = status === 204 ? 'ok' : status >= 400 && status < 500 ? 'fail' : 'unknown';
        recorder.add({ t: 'sent', id, outcome, status });
        resolve(outcome);
      };
      const outgoing = request({ hostname, port, path, method: 'POST', agent }, (response) => {
        response.resume();
        response.once('error', () => undefined);
        settle(response.statusCode!);
      });
      let isAnswered = false;
      outgoing.once('response', () => {
        isAnswered = true;
      });
      outgoing.once('error', () => !isAnswered && settle(0));
      outgoing.setTimeout(TIMEOUT_MS, () => outgoing.destroy(new Error('no answer')));
      outgoing.end(body);
    });
  }

  async function change(): Promise<void> {
    const channel = random.pick(channels);
    if (!withSeq) {
      await send(channel, '', 0, Buffer.from(`${name}/${recorder.nextId()}`));
      return;
    }
    const from = `${name}.${nonce}`;
    const seq = (seqs.get(channel) ?? 0) + 1;
    seqs.set(channel, seq);
    const body = bodyOf(random);
    for (;;) {
      const outcome = await send(channel, from, seq, body);
      if (outcome === 'ok') break;
      if (outcome === 'fail') throw new Error(`${name} was refused ${channel} ${seq}`);
      if (random.chance(GIVE_UP_CHANCE)) return startAnew();
      await sleep(50 + random.int(250));
    }
    if (random.chance(RESTART_CHANCE)) startAnew();
  }

  function startAnew(): void {
    nonce++;
    seqs.clear();
  }

  async function run(): Promise<void> {
    for (let i = 0; i < changes && !isStopped; i++) {
      await change();
      if (rate > 0) await sleep((1000 / rate) * 2 * random.next());
    }
    agent.destroy();
  }

  return {
    stop() {
      isStopped = true;
    },
    done: run(),
  };
}

/** One byte of any value mostly; sometimes more, with everything that ends lines, strings and frames. */
function bodyOf(random: Random): Buffer {
  const kind = random.int(10);
  if (kind < 6) return Buffer.from([random.int(256)]);
  if (kind < 9)
    return Buffer.from(random.pick(['x', 'hello', 'a\nb', '{"a":1}', 'é', '\n', '\n\nid: 1\ndata: x', '~']));
  return Buffer.from(Array.from({ length: 1 + random.int(200) }, () => random.int(256)));
}
