/** Answers of polls and of history: what fits, in turns, and nothing missed between looking and waiting. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { cursorPrefix, formatCursor } from '../../src/domain/cursor.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { startHttpGateway } from '../support/http-gateway.ts';
import { waitFor } from '../support/wait.ts';

const MIB = 1 << 20;

interface Page {
  readonly cursor: string;
  readonly status: string;
  readonly events: readonly { readonly channel?: string; readonly data: string }[];
  readonly more: boolean;
}

async function pageOf(url: string): Promise<{ page: Page; bytes: number }> {
  const answer = await fetch(url);
  assert.equal(answer.status, 200);
  const text = await answer.text();
  return { page: JSON.parse(text) as Page, bytes: text.length };
}

describe('an answer', () => {
  const cases = {
    'large changes that are escaped six times as long': { text: '\u0001'.repeat(MIB), count: 5, most: 1 },
    'changes of 16 KiB': { text: 'x'.repeat(16_384), count: 200, most: 70 },
    'changes of 16 KiB that are escaped': { text: '\u0001'.repeat(16_384), count: 40, most: 12 },
  };
  for (const [what, { text, count, most }] of Object.entries(cases)) {
    for (const path of ['history?', 'events?format=json&']) {
      it(`of ${path.split('?')[0]} has what fits of ${what}, and goes on`, async () => {
        await using lab = await startHttpGateway();
        const channel = lab.bench.channel();
        const { page: start } = await pageOf(`${lab.http.url}/c/${channel}/events?format=json`);
        for (let i = 0; i < count; i++) await lab.bench.put(channel, text);
        let since = start.cursor;
        let seen = 0;
        for (let more = true; more; ) {
          const { page, bytes } = await pageOf(`${lab.http.url}/c/${channel}/${path}since=${since}`);
          assert.ok(page.events.length > 0 && page.events.length <= most, `${page.events.length} events`);
          assert.ok(bytes < MIB + 6.1 * text.length, `${bytes} bytes`);
          assert.ok(page.events.every(({ data }) => data === text));
          ({ cursor: since, more } = page);
          seen += page.events.length;
        }
        assert.equal(seen, count);
      });
    }
  }
});

describe('a poll of several channels', () => {
  for (const [what, text, count] of [
    ['many changes', 'x', 3_000],
    ['large ones', 'x'.repeat(MIB), 30],
  ] as const) {
    it(`has something of each, though one always has more: ${what}`, async () => {
      await using lab = await startHttpGateway();
      const [busy, quiet] = [lab.bench.channel(), lab.bench.channel()];
      const url = `${lab.http.url}/c/${busy},${quiet}/events?format=json`;
      let { cursor: since } = (await pageOf(url)).page;
      await lab.bench.commit(0, [{ channel: busy, events: Array<string>(count).fill(text) }]);
      await lab.bench.put(quiet, 'here');
      let polls = 0;
      for (let isThere = false; !isThere; polls++) {
        // One of large changes may begin a few times in a row, but not for ever.
        assert.ok(polls < (count > 500 ? 1 : 25), `not in ${polls} polls`);
        const { page } = await pageOf(`${url}&since=${since}`);
        assert.equal(page.more, true);
        isThere = page.events.some(({ channel }) => channel === quiet);
        since = page.cursor;
      }
    });
  }

  it('misses no event that comes while it looks at another channel', async () => {
    let reads = 0;
    await using lab = await startHttpGateway(
      {},
      (engine): Engine => ({
        ...engine,
        async readHistory(channel, after, ...rest) {
          const page = await engine.readHistory(channel, after, ...rest);
          if (channel === empty && after) {
            reads++;
            await sleep(50);
          }
          return page;
        },
      }),
    );
    const full = lab.bench.channel();
    const empty = lab.bench.channel();
    await lab.bench.put(full, 'old');
    const { epoch, head } = await lab.bench.bounds(empty);
    // The shard moves on, so the position of the empty channel has to be looked for in the store.
    await lab.bench.put(lab.bench.channel(), 'elsewhere');
    const url = `${lab.http.url}/c/${full},${empty}/events?format=json`;
    const since = formatCursor(cursorPrefix([full, empty], [epoch, epoch]), [head, head]);
    const startedMs = performance.now();
    const polled = pageOf(`${url}&since=${since}&wait=25`);
    // The first is for where it starts.
    await waitFor(() => reads > 1, { what: 'a look at the empty channel' });
    await lab.bench.put(full, 'new');
    const { page } = await polled;
    assert.deepEqual(
      page.events.map(({ data }) => data),
      ['new'],
    );
    assert.ok(performance.now() - startedMs < 20_000, 'not at the end of its wait');
  });
});
