/**
 * What a user does: installs the packed file into an empty folder, starts `npx smallchange`, and runs the example of README, word for
 * word but for the port. The dependencies come from npm's cache, or from the registry where that has not all of them.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { request } from '../support/http.ts';
import { projectRoot } from '../support/program.ts';
import { waitFor } from '../support/wait.ts';
import { type Packed, pack, run } from './packed.ts';

const readme = readFileSync(join(projectRoot, 'README.md'), 'utf8');

describe('the installed package', () => {
  const project = mkdtempSync(join(tmpdir(), 'smallchange-user-'));
  let packed: Packed | undefined;
  let npx: ChildProcess | undefined;
  let url = '';
  let output = '';
  before(async () => {
    packed = await pack();
    install(packed.tarball);
    // A group of its own: npm, a shell, and the program.
    npx = spawn('npm', ['exec', '--offline', '--', 'smallchange', '--port', '0'], {
      cwd: project,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    for (const stream of [npx.stdout!, npx.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    const port = await waitFor(() => /"port":(\d+).*"smallchange is running"/.exec(output)?.[1], {
      what: () => `npx smallchange to run:\n${output}`,
    });
    url = `http://127.0.0.1:${port}`;
  });
  after(async () => {
    if (npx?.pid !== undefined && npx.exitCode === null) {
      const closed = once(npx, 'close');
      process.kill(-npx.pid, 'SIGKILL');
      await closed;
    }
    packed?.[Symbol.dispose]();
    rmSync(project, { recursive: true, force: true, maxRetries: 5 });
  });

  function install(tarball: string): void {
    try {
      run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', tarball], project);
    } catch (error) {
      const what =
        'npm could not install the package: its cache has not all dependencies, and the registry does not answer';
      throw new Error(what, { cause: error });
    }
  }

  it('has one program', () => {
    const { manifest } = packed!;
    assert.deepEqual(Object.keys(manifest.bin), ['smallchange']);
    assert.ok(readdirSync(join(project, 'node_modules/.bin')).includes('smallchange'));
    assert.equal(run('npm', ['exec', '--offline', '--', 'smallchange', '--version'], project), `${manifest.version}\n`);
  });

  it('serves what README sends it by curl', async () => {
    assert.match(readme, /^npx smallchange /m);
    assert.equal((await request(url, '/c/curl', { method: 'POST', body: 'x' })).status, 204);
    const heard = await waitFor(
      async () => {
        const page = (await request(url, '/c/curl/history')).json<{ events: { data: string }[] }>();
        return page.events.length > 0 ? page.events : undefined;
      },
      { what: 'the change' },
    );
    assert.deepEqual(
      heard.map(({ data }) => data),
      ['x'],
    );
    assert.match((await request(url, '/')).body.toString(), /<title>smallchange<\/title>/);
    assert.equal((await request(url, '/client.js')).status, 200);
  });

  it("runs README's program, twice, which says what README says", () => {
    const [, program = '', printed = ''] = /```js\n([\s\S]*?)```\n\n```\n([\s\S]*?)```/.exec(readme) ?? [];
    assert.equal(program.trim().split('\n').length, 10);
    assert.ok(program.includes("'http://localhost:8080'"));
    writeFileSync(join(project, 'main.mjs'), program.replace('http://localhost:8080', url));
    assert.equal(run(process.execPath, ['main.mjs'], project), printed);
    const again = run(process.execPath, ['main.mjs'], project);
    assert.ok(again.endsWith(printed), again);
  });
});
