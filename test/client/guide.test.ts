/** Every example of docs/client.md runs, against a real server. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { connect } from '../../src/client/client.ts';
import type { ConnectOptions } from '../../src/client/options.ts';
import { createFakeServer } from '../../src/testing/testing.ts';
import { type ServerProcess, startServer } from '../support/process.ts';

const IMPORT = "import { connect } from 'smallchange/client';\n";
const TESTING = "import { createFakeServer } from 'smallchange/testing';\n";
const guide = readFileSync(new URL('../../docs/client.md', import.meta.url), 'utf8');
const examples = [...guide.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code!);

type Run = (...values: unknown[]) => Promise<void>;
const AsyncFunction = (async () => undefined).constructor as new (...words: string[]) => Run;

describe('docs/client.md', () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServer({ env: { REDUCERS: 'tally-*=tally,*=log' } });
  });
  after(() => server?.stop());

  it('has examples', () => assert.ok(examples.length >= 4));

  for (const [i, code] of examples.entries()) {
    it(`example ${i + 1} runs`, async () => {
      assert.ok(code.startsWith(IMPORT), 'each can be copied as it is');
      const printed: unknown[][] = [];
      const here = (url: string, options?: ConnectOptions) =>
        connect(url.replace('http://localhost:8080', server.url), options);
      const print = (...words: unknown[]) => void printed.push(words);
      const program = code.slice(IMPORT.length).replace(TESTING, '');
      await new AsyncFunction('connect', 'print', 'createFakeServer', program)(here, print, createFakeServer);
      assert.ok(printed.length > 0 || !code.includes('print('));
    });
  }
});
