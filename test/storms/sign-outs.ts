/**
 * Storms of signing out: thousands of streams, or polls that wait, whose tokens end at once, or of which one ends beside thousands that
 * go on. What is measured is the longest turn of the server's event loop, and how soon the last is gone.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startServer } from '../support/process.ts';
import { ADMIN_KEY } from '../support/revoking.ts';
import { SECRET } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';
import { metric } from './kit.ts';

const SIGNAL_MS = 500;
const OPENING = 500;
/** One address has not as many free ports as a long storm has sockets. */
const LOCAL_ADDRESSES = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4'];
/** Of so many. A machine that others use as well gives a storm little of its time. */
const OPEN_TIMEOUT_MS = 300_000;
/** Who was not let in comes again so much later. */
const AGAIN_MS = 500;
const OVER_TIMEOUT_MS = 300_000;

/** Sockets that each have a stream, or a poll that waits. */
export class Crowd implements Disposable {
  /** How many have been told each of these, and how many are gone. */
  readonly told = new Map<string, number>();
  gone = 0;
  #begun = 0;
  /** What those were told that are gone before they had begun. */
  readonly #refusals: string[] = [];
  readonly #sockets: Socket[] = [];
  #isLeft = false;

  /** @param headOf Of the request of each, without its end. @param begins What its answer begins with; null: it waits. */
  async open(port: number, headsOf: readonly string[], begins: string | null): Promise<void> {
    for (let i = 0; i < headsOf.length; i += OPENING) {
      const some = headsOf.slice(i, i + OPENING);
      for (const head of some) this.#openOne(port, `${head}\r\n\r\n`, begins);
      await waitFor(() => begins === null || this.#begun === i + some.length, {
        timeoutMs: OPEN_TIMEOUT_MS,
        what: () => `${i + some.length} to be open, ${this.#begun} are; gone: ${this.#refusals}`,
      });
    }
  }

  #openOne(port: number, request: string, begins: string | null): void {
    const localAddress = LOCAL_ADDRESSES[this.#sockets.length % LOCAL_ADDRESSES.length]!;
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    this.#sockets.push(socket);
    socket.write(request);
    let hasBegun = begins === null;
    let refusal = '';
    socket.on('data', (bytes) => {
      const text = bytes.toString('latin1');
      if (!hasBegun) {
        refusal += text;
        hasBegun = refusal.includes(begins!);
        if (hasBegun) this.#begun++;
      }
      for (const [, what] of text.matchAll(/"(?:status|code)":"(\w+)"/g)) {
        this.told.set(what!, (this.told.get(what!) ?? 0) + 1);
      }
    });
    socket.on('close', () => {
      // A server that had no turn for so long has not seen what was sent, and closes who seems to send nothing; or has more to begin than it
      // lets wait.
      if (!hasBegun && (refusal === '' || refusal.includes('$overloaded'))) {
        setTimeout(() => {
          if (!this.#isLeft) this.#openOne(port, request, begins);
        }, AGAIN_MS).unref();
        return;
      }
      this.gone++;
      if (!hasBegun) this.#refusals.push(refusal);
    });
    socket.on('error', (error) => {
      refusal += String(error);
    });
  }

  [Symbol.dispose](): void {
    this.#isLeft = true;
    for (const socket of this.#sockets) socket.destroy();
  }
}

export interface Ground extends AsyncDisposable {
  readonly url: string;
  /** What the last crowd took to open, seconds. */
  readonly openedS: number;
  /** Opens one for each of these heads, and from then on watches. */
  open(headsOf: readonly string[], begins: string | null): Promise<Crowd>;
  /** Resolves once so many of the crowd have been told this. @returns Processor time of the longest turn meanwhile, milliseconds. */
  told(crowd: Crowd, what: string, count: number): Promise<number>;
}

/** A server where nobody is limited, whose turns are watched. */
export async function openGround(): Promise<Ground> {
  const dir = mkdtempSync(join(tmpdir(), 'smallchange-sign-outs-'));
  const TURNS_FILE = join(dir, 'turns');
  const server = await startServer({
    env: {
      ...{ AUTH: 'jwt', JWT_SECRET: SECRET, ADMIN_KEY, MAX_STREAMS_PER_SUB: '0', TURNS_FILE },
      NODE_OPTIONS: `--import=${fileURLToPath(new URL('./longest-turn.mjs', import.meta.url))}`,
    },
  });

  async function longestTurnMs(): Promise<number> {
    process.kill(server.pid, 'SIGUSR2');
    await sleep(SIGNAL_MS);
    return Number(readFileSync(TURNS_FILE, 'utf8'));
  }

  let openedS = 0;
  return {
    url: server.url,
    get openedS() {
      return openedS;
    },
    async open(heads, begins) {
      const beganMs = performance.now();
      const crowd = new Crowd();
      try {
        await crowd.open(server.port, heads, begins);
      } catch (error) {
        crowd[Symbol.dispose]();
        throw error;
      }
      openedS = (performance.now() - beganMs) / 1_000;
      const gauge = begins === null ? 'smallchange_polls' : 'smallchange_streams';
      await waitFor(async () => (await metric(server, gauge)) === heads.length, {
        timeoutMs: OPEN_TIMEOUT_MS,
        everyMs: 100,
        what: `${heads.length} to be there`,
      });
      await longestTurnMs();
      return crowd;
    },
    async told(crowd, what, count) {
      const seen = () => crowd.told.get(what) ?? 0;
      await waitFor(() => seen() >= count, {
        timeoutMs: OVER_TIMEOUT_MS,
        what: () => `${count} ${what}, ${seen()} are`,
      });
      return longestTurnMs();
    },
    async [Symbol.asyncDispose]() {
      await server.kill9();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
