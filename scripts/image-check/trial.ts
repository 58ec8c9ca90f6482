/** Runs what an image says is to be run, and asks it for everything a container is there for: life, a change, its end. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../loadtest/fleet/port.ts';
import type { Image } from './stages.ts';
import type { User } from './user.ts';

const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 10_000;
const ANSWER_TIMEOUT_MS = 5_000;
const POLL_MS = 50;

/** @throws with everything the process said, when it does not do as it should. */
export async function tryImage(image: Image, env: NodeJS.ProcessEnv, user: User, say: (line: string) => void) {
  const port = await freePort();
  const whole = { ...env, ...image.env, PORT: String(port), AUTH: 'anonymous', DRAIN_MS: '200' };
  const options = { cwd: image.workdir, env: whole, ...user.ids };
  const [program, ...args] = image.command;
  if (program === undefined) throw new Error('the image has no CMD');
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  try {
    const url = `http://127.0.0.1:${port}`;
    await untilHealthy(url, child);
    say('/healthz answers');
    const [health, ...rest] = image.health;
    const { status } = spawnSync(health!, rest, { ...options, timeout: ANSWER_TIMEOUT_MS });
    if (status !== 0) throw new Error(`HEALTHCHECK ended with ${status} beside a server that lives`);
    say('HEALTHCHECK is content');
    await sendAndReceive(url);
    say('a change sent by POST came down by SSE');
    const library = await fetch(`${url}/client.js`, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    if (!library.ok || !(await library.text()).includes('export')) throw new Error(`/client.js is ${library.status}`);
    say('/client.js is there');
    child.kill(image.stopSignal);
    const ended = await Promise.race([exited, sleep(STOP_TIMEOUT_MS, 'nothing: it still runs', { ref: false })]);
    if (ended !== 0) throw new Error(`after ${image.stopSignal} it ended with ${ended}`);
    say(`${image.stopSignal} ended it with 0`);
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${said}`, { cause: error });
  } finally {
    child.kill('SIGKILL');
  }
}

async function untilHealthy(url: string, child: ChildProcess): Promise<void> {
  const deadlineMs = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadlineMs) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode} before it served`);
    const isUp = await fetch(`${url}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isUp) return;
    await sleep(POLL_MS);
  }
  throw new Error('it did not serve');
}

async function sendAndReceive(url: string): Promise<void> {
  const left = new AbortController();
  const signal = AbortSignal.any([left.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
  const events = await fetch(`${url}/c/image/events`, { headers: { accept: 'text/event-stream' }, signal });
  const sent = await fetch(`${url}/c/image`, { method: 'POST', body: 'x', signal });
  if (sent.status !== 204) throw new Error(`POST was answered ${sent.status}`);
  let seen = '';
  for await (const chunk of events.body!.pipeThrough(new TextDecoderStream())) {
    seen += chunk;
    if (seen.includes('\ndata: x\n')) break;
  }
  left.abort();
  if (!seen.includes('\ndata: x\n')) throw new Error(`the stream ended without the change:\n${seen}`);
}
