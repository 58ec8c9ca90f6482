/** `npm run archive`, as a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../src/archive/tool/main.ts', import.meta.url));
const register = fileURLToPath(new URL('../../scripts/typescript/register.mjs', import.meta.url));

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

export async function runTool(env: Readonly<Record<string, string>>, ...args: string[]): Promise<Ran> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--import', register, main, ...args],
    {
      env: { PATH: process.env.PATH, ...env },
    },
  );
  let out = '';
  let error = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    error += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number];
  return { code, out, error };
}
