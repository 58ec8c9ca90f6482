/** One role process of a lab, and the fault proxy between it and its Redis. */
import { join } from 'node:path';
import type { Random } from '../../support/random.ts';
import { waitFor } from '../../support/wait.ts';
import { type Address, type FaultProxy, startProxy } from '../proxy.ts';
import { Child } from './child.ts';

export type RoleKind = 'bucket' | 'merger' | 'gateway' | 'archiver';

export interface Role {
  readonly name: string;
  readonly kind: RoleKind;
  readonly child: Child;
  /** The file that it runs from its next start on. */
  main: string;
  /** Between it and Redis. */
  readonly link: FaultProxy;
  /** Where it serves; undefined while it does not. */
  readonly address: Address | undefined;
  /** How often it said such a thing. */
  said(message: string): number;
  /** Resolves when it serves. */
  ready(timeoutMs?: number): Promise<void>;
  stop(): Promise<void>;
}

export interface RoleOptions {
  readonly kind: RoleKind;
  readonly index: number;
  /** The program. */
  readonly main: string;
  readonly dir: string;
  readonly redis: () => Address;
  readonly random: Random;
  readonly env: Readonly<Record<string, string>>;
}

/** It cannot start without Redis, which other faults may take away again and again; and the machine may be busy. */
const START_MAX_MS = 90_000;

export async function startRole(options: RoleOptions): Promise<Role> {
  const { kind, index, dir, redis, random, env } = options;
  const name = `${kind}-${index}`;
  const link = await startProxy(() => [redis()], random);
  const counts = new Map<string, number>();
  let address: Address | undefined;
  let { main } = options;
  const child = new Child({
    name,
    logPath: join(dir, `${name}.log`),
    command: () => ({
      program: process.execPath,
      args: [main],
      env: { PORT: '0', ROLES: kind, REDIS_URL: `redis://127.0.0.1:${link.port}`, ...env },
    }),
    onStart: () => {
      address = undefined;
    },
    onLine(line) {
      if (!line.startsWith('{')) return;
      const { msg, port } = JSON.parse(line) as { msg: string; port?: number };
      counts.set(msg, (counts.get(msg) ?? 0) + 1);
      if (msg === 'smallchange is running') address = { host: '127.0.0.1', port: port! };
    },
  });
  return {
    name,
    kind,
    child,
    link,
    get main() {
      return main;
    },
    set main(file) {
      main = file;
    },
    get address() {
      return child.isRunning ? address : undefined;
    },
    said: (message) => counts.get(message) ?? 0,
    async ready(timeoutMs = START_MAX_MS) {
      const what = () => `${name} to serve:\n${child.tail.join('\n')}`;
      await waitFor(() => child.isRunning && address !== undefined, { timeoutMs, everyMs: 10, what });
    },
    async stop() {
      await child.stop();
      await link[Symbol.asyncDispose]();
    },
  };
}
