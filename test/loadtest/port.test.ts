import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { freePort } from '../../loadtest/fleet/port.ts';

const run = promisify(execFile);
const module = new URL('../../loadtest/fleet/port.ts', import.meta.url).href;

/** Takes ports and holds them until both have taken theirs: its input is ended by us. */
const other = `
  const { freePort } = await import(${JSON.stringify(module)});
  const ports = [];
  for (let i = 0; i < 500; i++) ports.push(await freePort());
  process.stdout.write(JSON.stringify(ports));
  for await (const _ of process.stdin);
`;

describe('a free port', () => {
  it('is given once, in one process and in several', async () => {
    const args = [
      ...process.execArgv.filter((argument) => !argument.startsWith('--test')),
      '--input-type=module',
      '--eval',
      other,
    ];
    const others = [0, 1].map(() => run(process.execPath, args));
    const said = others.map(({ child }) => once(child.stdout!, 'data'));
    const ports: number[] = [];
    for (let i = 0; i < 500; i++) ports.push(await freePort());
    await Promise.all(said);
    for (const { child } of others) child.stdin!.end();
    for (const { stdout } of await Promise.all(others)) ports.push(...(JSON.parse(stdout) as number[]));
    assert.equal(ports.length, 1500);
    assert.equal(new Set(ports).size, 1500);
  });
});
