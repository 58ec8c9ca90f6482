/** docs/curl.md: every command of it is run, in the order of the page, and what is seen is what the page shows. */
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type EdgeProcess, startEdge } from '../support/edge.ts';
import { stepsOf } from './page.ts';
import { openTerminal, type Terminal } from './terminal.ts';

const page = readFileSync(new URL('../../docs/curl.md', import.meta.url), 'utf8');
const EDGE = 8443;

describe('docs/curl.md', () => {
  let terminal: Terminal;
  let edge: EdgeProcess | undefined;
  let isSpoiled = false;
  before(async () => {
    const ports = [...page.matchAll(/\b(?:localhost:|PORT=)(\d+)/g)].map(([, port]) => Number(port));
    terminal = await openTerminal({ ports: [...new Set(ports)] });
  });
  after(async () => {
    await edge?.stop();
    await terminal?.[Symbol.asyncDispose]();
  });

  /** Once the server behind it runs: the first that is asked through it is not to be told that there is none. */
  async function needEdge(): Promise<void> {
    if (edge !== undefined) return;
    const server = { url: `http://127.0.0.1:${terminal.portOf(8080)}` };
    const tls = `127.0.0.1:${terminal.portOf(EDGE)}`;
    edge = await startEdge('haproxy', { buckets: [server], gateways: [server], tls });
    copyFileSync(edge.certificate, join(terminal.path, 'edge.pem'));
  }

  it('has commands', () => assert.ok(stepsOf(page).length > 30));

  for (const step of stepsOf(page)) {
    const [first] = step.command.split('\n');
    it(`line ${step.line}: ${first}`, async () => {
      assert.ok(!isSpoiled, 'what is before it on the page went wrong');
      isSpoiled = true;
      if (step.command.includes(`localhost:${EDGE}`)) await needEdge();
      await terminal.run(step);
      isSpoiled = false;
    });
  }
});

describe('a page that is wrong', () => {
  /** Resolves with what is told of it, or with nothing where it is right. */
  async function toldOf(text: string): Promise<string> {
    await using terminal = await openTerminal({ ports: [], timeoutMs: 500 });
    try {
      for (const step of stepsOf(text)) await terminal.run(step);
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  }
  const block = (language: string, text: string) => `\`\`\`${language}\n${text}\n\`\`\`\n`;
  const sh = (command: string, answer?: string) =>
    block('sh', command) + (answer === undefined ? '' : `It says:\n\n${block('', answer)}`);

  /** As a server says a cursor: it does not stand on the page. */
  const made = 'echo m5x2tb""';

  it('is told of, and one that is right is not', async () => {
    for (const [text, told] of [
      [sh(`${made}.1 $((40 + 2)) x`), /is seen:\nm5x2tb/],
      [sh(`x=1; ${made}.1 $((40 + 2)) x y`, 'k3v9qa.1 <n> …') + sh('echo $x k3v9qa.2', '1 k3v9qa.2'), /^$/],
      [sh(`${made}.1`, 'k3v9qa.1') + sh(`${made}.2`, 'k3v9qa.2'), /^$/],
      [sh(`${made}.1`, 'k3v9qa.1') + sh('echo n5x2tb"".2', 'k3v9qa.2'), /is seen:\nn5x2tb.2/],
      [sh(`${made}.1`, 'k3v9qa.2'), /is seen:\nm5x2tb.1/],
      [sh('echo k3v9qa.1'), /no answer before it has a cursor k3v9qa/],
      [sh('echo b', 'a'), /what the page shows:\na\n\nand what is seen:\nb/],
      [sh('echo a; echo b', 'a'), /is seen:\na\nb/],
      [sh('true', 'a'), /is seen:\n$/],
      [sh('echo a 1>&2', '<word>'), /^$/],
      [sh('echo a; sleep 9', 'a'), /waited 500 ms for the end of it/],
      [sh('echo a; sleep 9', 'b\n^C'), /waited 500 ms for line 1/],
      [sh('echo a; sleep 9', 'a\n^C'), /^$/],
      [sh('sleep 0.2; echo later; sleep 9', '…') + sh('echo a', 'a\nlater\n^C'), /^$/],
      [block('js', 'x'), /line 1: neither/],
      [block('', 'x'), /line 1: neither/],
      [sh('echo a', 'a') + block('', 'x'), /line 9: neither/],
      [`${sh('echo a', 'a')}\`\`\`sh\n`, /line 9: a block that does not end/],
    ] as const) {
      assert.match(await toldOf(text), told, text);
    }
  });
});
