/**
 * A Chromium without a window: pages that scripts are run in, over the DevTools protocol
 * (https://chromedevtools.github.io/devtools-protocol/), of which this knows a few commands.
 *
 * Invariant: neither the browser nor its folder outlives the test process, unless that is killed.
 */
import { spawn } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'undici';
import { request } from './http.ts';
import { waitFor } from './wait.ts';

export interface Page {
  /** Opens another page in place of the one there is. */
  open(url: string): Promise<void>;
  /** The value of an expression in the page, awaited, as JSON has it. @throws what the page throws. */
  evaluate<T>(expression: string): Promise<T>;
  /** Any command of the protocol, of this page. */
  command(method: string, params?: object): Promise<unknown>;
}

export interface Chromium extends Page, AsyncDisposable {
  /** Another tab, beside the first. */
  newPage(): Promise<Page>;
}

interface Reply {
  readonly id?: number;
  readonly error?: { readonly message: string };
  readonly result?: {
    readonly errorText?: string;
    readonly result?: { readonly value?: unknown };
    readonly exceptionDetails?: { readonly text: string; readonly exception?: { readonly description?: string } };
  };
}

/** On a busy machine it takes seconds; alone a fraction of one. */
const START_TIMEOUT_MS = 30_000;

export interface ChromiumOptions {
  /** A PEM file that it trusts besides what all the world does. */
  readonly certificate?: string;
  /** Names that it takes for 127.0.0.1. */
  readonly hosts?: readonly string[];
}

export async function startChromium({ certificate, hosts = [] }: ChromiumOptions): Promise<Chromium> {
  const dir = mkdtempSync(join(tmpdir(), 'smallchange-chromium-'));
  // Root has no sandbox, and machines for tests have neither a graphics card nor much in /dev/shm.
  const machine = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'];
  const own = [
    `--user-data-dir=${dir}`,
    `--host-resolver-rules=${hosts.map((name) => `MAP ${name} 127.0.0.1`).join(',')}`,
  ];
  if (certificate !== undefined) own.push(`--ignore-certificate-errors-spki-list=${keyDigestOf(certificate)}`);
  const words = ['--headless=new', ...machine, ...own, '--remote-debugging-port=0', 'about:blank'];
  // A group of its own: it is many processes, and all of them have to go.
  const child = spawn('chromium', words, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  const kill = () => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      process.kill(-child.pid, 'SIGKILL');
    }
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  };
  process.once('exit', kill);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const closed = once(child, 'close');

  async function stop(): Promise<void> {
    process.off('exit', kill);
    kill();
    await closed;
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  }

  try {
    const origin = await waitFor(() => /^DevTools listening on ws:\/\/([^/\s]+)\//m.exec(said)?.[1], {
      what: () => `chromium to listen:\n${said}`,
      timeoutMs: START_TIMEOUT_MS,
    });
    const page = await firstPage(`http://${origin}`);
    const newPage = async () => {
      const made = await request(`http://${origin}`, '/json/new?about:blank', { method: 'PUT' });
      return drive(made.json<Target>().webSocketDebuggerUrl);
    };
    return { ...(await drive(page)), newPage, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function keyDigestOf(certificate: string): string {
  const key = new X509Certificate(readFileSync(certificate)).publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(key).digest('base64');
}

interface Target {
  readonly type: string;
  readonly webSocketDebuggerUrl: string;
}

async function firstPage(origin: string): Promise<string> {
  const found = await waitFor(
    async () => (await request(origin, '/json/list')).json<Target[]>().find(({ type }) => type === 'page'),
    { what: 'a page', timeoutMs: START_TIMEOUT_MS },
  );
  return found.webSocketDebuggerUrl;
}

async function drive(url: string): Promise<Page> {
  const socket = new WebSocket(url);
  const waiting = new Map<number, (reply: Reply) => void>();
  let commands = 0;
  socket.addEventListener('message', ({ data }) => {
    const reply = JSON.parse(String(data)) as Reply;
    if (reply.id !== undefined) waiting.get(reply.id)?.(reply);
  });
  socket.addEventListener('close', () => {
    for (const resolve of waiting.values()) resolve({ error: { message: 'the browser is gone' } });
  });
  await once(socket, 'open');

  async function command(method: string, params: object = {}): Promise<NonNullable<Reply['result']>> {
    const id = ++commands;
    const { error, result } = await new Promise<Reply>((resolve) => {
      waiting.set(id, resolve);
      socket.send(JSON.stringify({ id, method, params }));
    });
    waiting.delete(id);
    const thrown = result?.exceptionDetails;
    const wrong = error?.message ?? result?.errorText ?? thrown?.exception?.description ?? thrown?.text;
    if (wrong !== undefined) throw new Error(`${method}: ${wrong}`);
    return result!;
  }

  async function evaluate<T>(expression: string): Promise<T> {
    const { result } = await command('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    return result?.value as T;
  }

  return {
    command,
    evaluate,
    async open(address) {
      await command('Page.navigate', { url: address });
      await waitFor(() => evaluate<boolean>('document.readyState === "complete"'), { what: `${address} to load` });
    },
  };
}
