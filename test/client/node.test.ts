/** The client in a process of its own: when it is closed nothing is left that would keep the process, and nothing is done at import (9, 59). */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { newChannel } from '../contract/protocol/kit.ts';
import { startLocalApp } from '../support/app.ts';

/** A process that hangs is ended by then, and its code is null. */
const END_MAX_MS = 20_000;
const client = new URL('../../src/client/client.ts', import.meta.url).href;

async function run(program: string): Promise<{ code: number | null; said: string }> {
  const words = ['--import', './scripts/typescript/register.mjs', '--input-type=module', '-e', program];
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: END_MAX_MS,
    killSignal: 'SIGKILL',
  });
  let said = '';
  for (const output of [child.stdout, child.stderr]) {
    output.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  const [code] = await once(child, 'close');
  return { code, said };
}

const begin = (url: string, channel: string, options = '{}') => `
  import { connect } from '${client}';
  const connection = connect('${url}', ${options});
  const opened = new Promise((resolve) => {
    connection.addEventListener('status', ({ state }) => state === 'open' && resolve());
  });
  const heard = new Promise((resolve) => connection.subscribe('${channel}', resolve));`;

describe('a process with the client', () => {
  it('ends by itself once it is closed, whatever was open (9, 59)', async () => {
    await using server = await startLocalApp();
    for (const transports of [`['fetch']`, `['poll']`]) {
      const program = `${begin(server.url, newChannel(), `{ transports: ${transports} }`)}
        await opened;
        await connection.publish('a', 'x');
        connection.close();
        await connection.publish('a', 'y').catch(({ code }) => console.log(code));
        process.on('exit', () => console.log('the end'));`;
      assert.deepEqual(await run(program), { code: 0, said: 'closed\nthe end\n' }, transports);
    }
  });

  it('ends by itself when it is closed with a change on its way, and while it waits to try again (9, 59)', async () => {
    await using server = await startLocalApp();
    for (const url of [server.url, 'http://127.0.0.1:9']) {
      const program = `${begin(url, newChannel())}
        connection.publish('a', 'x');
        setTimeout(() => connection.close(), 300);
        process.on('exit', () => console.log('the end'));`;
      assert.deepEqual(await run(program), { code: 0, said: 'the end\n' }, url);
    }
  });

  it('does nothing at import (59)', async () => {
    const program = `
      const had = Object.keys(globalThis).length;
      await import('${client}');
      console.log(Object.keys(globalThis).length - had, process.getActiveResourcesInfo().filter((each) => /Timeout|TCP/.test(each)).length);`;
    assert.deepEqual(await run(program), { code: 0, said: '0 0\n' });
  });
});
