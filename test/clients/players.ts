/**
 * Rows at work: each recipe runs where its row says, in this process, in one page for all of them, or as a program, and what it
 * shows is gathered. Each has an address of its own: a browser opens six connections to one.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type CutProxy, startCutProxy } from '../support/cut-proxy.ts';
import { type Frame, isDispatched, SseParser } from '../support/sse.ts';
import type { Page } from './page.ts';
import { type Row, rows, type Where } from './rows.ts';
import { Seen, type Shown } from './seen.ts';

export interface Player extends AsyncDisposable {
  readonly row: Row;
  readonly where: Where;
  readonly name: string;
  readonly seen: Seen;
  /** What it talks to, in front of a server. */
  readonly proxy: CutProxy;
}

type Listen = (...args: unknown[]) => () => void;

const recipes = new URL('recipes/', import.meta.url);

/** All rows, in all places, at this channel of a server. @param started Those that are there, also when one of them fails to start. */
export async function startPlayers(serverUrl: string, channel: string, page: Page, started: Player[]): Promise<void> {
  const all = rows.flatMap((row) => row.where.map((where) => ({ row, where })));
  const starting = all.map(async ({ row, where }) => {
    started.push(await startPlayer(row, where, serverUrl, channel, page));
  });
  await Promise.allSettled(starting);
  await Promise.all(starting);
}

async function startPlayer(row: Row, where: Where, serverUrl: string, channel: string, page: Page): Promise<Player> {
  const proxy = await startCutProxy(serverUrl);
  const seen = new Seen(row);
  const url = `${proxy.url}/c/${channel}/events${row.query === undefined ? '' : `?${row.query}`}`;
  const show = (shown: Shown) => seen.take(shown);
  const started = { node: inNode, process: asProcess, page: page.listen }[where];
  const stop = await started(row, url, show);
  return {
    ...{ row, where, seen, proxy, name: row.where.length > 1 ? `${row.name}, ${where}` : row.name },
    async [Symbol.asyncDispose]() {
      await stop();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

async function inNode(row: Row, url: string, show: (shown: Shown) => void): Promise<() => void> {
  const { listen } = (await import(new URL(row.recipe, recipes).href)) as { listen: Listen };
  const told = (type: string, data: string) => show([type, data]);
  if (row.npm === undefined) return listen(url, told);
  const module = (await import(row.npm)) as Record<string, unknown>;
  return listen(module[row.exported!], url, told);
}

/** They are not to outlive this process. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) killGroup(child);
});

/** Python shows lines of JSON, the shell shows frames. */
async function asProcess(row: Row, url: string, show: (shown: Shown) => void): Promise<() => void> {
  const isPython = row.recipe.endsWith('.py');
  const path = fileURLToPath(new URL(row.recipe, recipes));
  // A group of its own: the shell has children.
  const child = spawn(isPython ? 'python3' : 'sh', [path, url], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  if (isPython) {
    createInterface(child.stdout).on('line', (line) => show(JSON.parse(line) as [string, string]));
  } else {
    const parser = new SseParser();
    child.stdout.on('data', (chunk: Buffer) => {
      for (const frame of parser.push(chunk).filter(isDispatched)) show(shownOf(frame));
    });
  }
  running.add(child);
  return () => {
    running.delete(child);
    killGroup(child);
  };
}

function shownOf({ event, data }: Frame): Shown {
  return [event, data!];
}

function killGroup({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, 'SIGKILL');
}
