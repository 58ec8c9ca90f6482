/**
 * A single box with a directory that is killed (SIGKILL) and started again while changes are sent and streams listen. Publishers repeat a
 * change under its seq until it is answered 204, and streams come back with their cursors, as the protocol tells both to.
 *
 * What must hold: every change that was answered 204 came to each stream once and in its order, no stream was told `reset`,
 * and the epoch of each channel is the one that it had.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder } from '../support/folder.ts';
import { request } from '../support/http.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { createRandom } from '../support/random.ts';
import { type Frame, openSse, type SseReader } from '../support/sse.ts';
import { waitFor } from '../support/wait.ts';
import { oneConnection } from '../support/wire.ts';

export interface KillsInit {
  readonly kills: number;
  /** Of all publishers together. */
  readonly changesPerS: number;
  /** From a start to the kill after it, milliseconds: at random up to this. */
  readonly livesMs: number;
  readonly seed: number;
}

export interface KillsOutcome {
  readonly sent: number;
  readonly repeated: number;
  readonly problems: readonly string[];
}

const CHANNELS = 8;
const PUBLISHERS_PER_CHANNEL = 4;
const AGAIN_MS = 20;
const ARRIVED_MS = 30_000;
const PATIENCE_MS = 5_000;

interface Listener {
  readonly channel: string;
  /** By publisher: the last number that came. */
  readonly last: Map<string, number>;
  epoch: string | undefined;
  lastId: string | undefined;
  reader: SseReader | undefined;
}

export async function killAgainAndAgain({ kills, changesPerS, livesMs, seed }: KillsInit): Promise<KillsOutcome> {
  using folder = makeFolder();
  const random = createRandom(seed);
  const problems: string[] = [];
  const env = { DATA_DIR: folder.path, MAX_POSTS_PER_S_PER_ADDRESS: '0', DRAIN_MS: '500' };
  let server: ServerProcess = await startServer({ env });
  // The same port, as a box that is started again has.
  const again = { ...env, PORT: String(server.port) };
  const { url } = server;
  let isSending = true;
  let isListening = true;
  let repeated = 0;
  const sent = new Map<string, number>();

  async function publish(channel: string, name: string): Promise<void> {
    const agent = oneConnection(url);
    const everyMs = (1_000 * CHANNELS * PUBLISHERS_PER_CHANNEL) / changesPerS;
    for (let seq = 1; isSending; seq++) {
      const startedMs = performance.now();
      const path = `/c/${channel}?from=${name}.box&seq=${seq}`;
      const init = { method: 'POST', body: `${name} ${seq}`, agent, timeoutMs: PATIENCE_MS };
      const isTaken = () =>
        request(url, path, init).then(
          ({ status }) => status === 204,
          () => false,
        );
      while (!(await isTaken())) {
        repeated++;
        await sleep(AGAIN_MS);
      }
      sent.set(name, seq);
      await sleep(Math.max(0, everyMs - (performance.now() - startedMs)));
    }
    agent.destroy();
  }

  function onFrame(listener: Listener, { event, data, id }: Frame): void {
    if (id !== undefined) listener.lastId = id;
    if (event === '$sync') onSync(listener, data!);
    if (event !== 'message' || data === undefined) return;
    const [name, seq] = data.split(' ') as [string, string];
    const expected = (listener.last.get(name) ?? 0) + 1;
    if (Number(seq) !== expected) problems.push(`${listener.channel}: ${name} ${seq} came where ${expected} is next`);
    listener.last.set(name, Number(seq));
  }

  function onSync(listener: Listener, data: string): void {
    const [its] = Object.values((JSON.parse(data) as { channels: Record<string, { status: string }> }).channels);
    const epoch = listener.lastId!.split('.')[0];
    if (listener.epoch !== undefined) {
      if (its!.status !== 'resumed') problems.push(`${listener.channel}: ${its!.status}, not resumed`);
      if (listener.epoch !== epoch) problems.push(`${listener.channel}: the epoch ${listener.epoch} became ${epoch}`);
    }
    listener.epoch = epoch;
  }

  async function listen(listener: Listener): Promise<void> {
    while (isListening) {
      const headers = listener.lastId === undefined ? {} : { 'last-event-id': listener.lastId };
      const path = `/c/${listener.channel}/events?since=earliest`;
      const options = { headers, onFrame: (frame: Frame) => onFrame(listener, frame) };
      listener.reader = await openSse(`${url}${path}`, options).catch(() => undefined);
      if (listener.reader === undefined) await sleep(AGAIN_MS);
      await listener.reader?.ended.catch(() => {});
    }
  }

  const channels = Array.from({ length: CHANNELS }, (_, i) => `box-${i}`);
  const listeners = channels.map(
    (channel): Listener => ({ channel, last: new Map(), epoch: undefined, lastId: undefined, reader: undefined }),
  );
  const listening = listeners.map(listen);
  const publishing = channels.flatMap((channel, c) =>
    Array.from({ length: PUBLISHERS_PER_CHANNEL }, (_, p) => publish(channel, `p${c * PUBLISHERS_PER_CHANNEL + p}`)),
  );
  try {
    for (let i = 0; i < kills; i++) {
      await sleep(random.int(livesMs));
      await server.kill9();
      server = await startServer({ env: again });
    }
    await sleep(livesMs);
    isSending = false;
    await Promise.all(publishing);
    const came = () => listeners.flatMap(({ last }) => [...last]);
    const isThere = () => came().length === sent.size && came().every(([name, seq]) => sent.get(name) === seq);
    await waitFor(isThere, { timeoutMs: ARRIVED_MS, what: 'every change to come' }).catch((error: Error) => {
      problems.push(error.message);
    });
  } finally {
    isSending = false;
    isListening = false;
    for (const { reader } of listeners) reader?.close();
    const { code } = await server.stop();
    if (code !== 0) problems.push(`the last server ended with ${code}`);
    await Promise.all([...publishing, ...listening]);
  }
  return { sent: [...sent.values()].reduce((sum, seq) => sum + seq, 0), repeated, problems };
}
