/**
 * Plays the script of one stream, or of one poll, byte by byte where the case wants that. A script that still waits when the case is over
 * keeps no process from ending.
 */
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { waitFor } from '../../../support/wait.ts';
import type { StreamStep, Wire } from './case.ts';
import { type Asked, eventOf, frameOf, onTheWire, type Places, syncOf } from './frames.ts';
import type { Exchange, Stage } from './stage.ts';

export interface Playing {
  readonly stage: Stage;
  readonly exchange: Exchange;
  readonly asked: Asked;
  readonly response: ServerResponse;
  readonly script: Wire & { readonly steps: readonly StreamStep[] };
  readonly cutAfter: number | undefined;
}

/** Of what it waits for in the middle of a script, whose client may be wrong: the end of the case comes first. */
const SCRIPT_MAX_MS = 120_000;

export async function playStream(playing: Playing): Promise<void> {
  const { stage, exchange, asked, response, script } = playing;
  const places: Places = new Map(asked.channels.map((channel) => [channel, 'a.0']));
  let left = playing.cutAfter ?? Number.POSITIVE_INFINITY;
  const first = script.steps[0];
  const isPoll = typeof first === 'object' && 'poll' in first;
  response.writeHead(200, { 'content-type': isPoll ? 'application/json' : 'text/event-stream' });
  response.flushHeaders();

  async function write(bytes: Buffer): Promise<void> {
    const all = bytes.subarray(0, left);
    left -= bytes.length;
    const size = script.chunk ?? all.length;
    for (let i = 0; i < all.length; i += size) {
      exchange.lastMs = performance.now();
      await new Promise<void>((resolve) => response.write(all.subarray(i, i + size), () => resolve()));
      if (script.chunk) await turn();
    }
    if (left >= 0) return;
    stage.wasCut = true;
    cut();
  }

  function cut(): void {
    response.destroy();
  }

  if (left === 0) {
    stage.wasCut = true;
    return cut();
  }
  if (script.bom) await write(Buffer.from('\uFEFF'));
  for (const step of script.steps) {
    if (response.destroyed) return;
    if (step === 'cut') return cut();
    else if (step === 'end') response.end();
    else if (step === 'log') await write(onTheWire(logFor(playing, places), script));
    else if ('waitMs' in step) await sleep(step.waitMs, undefined, { ref: false });
    else if ('until' in step) {
      await waitFor(() => stage.has(step.until) || response.destroyed, { what: 'it', timeoutMs: SCRIPT_MAX_MS });
    } else if ('poll' in step) response.end(JSON.stringify(step.poll));
    else if ('bytes' in step) await write(Buffer.from(step.bytes));
    else if ('sync' in step) await write(onTheWire(syncOf(step, asked, places), script));
    else if ('event' in step) await write(onTheWire(eventOf(step.event, asked, places, script), script));
    else await write(onTheWire(frameOf(step), script));
  }
}

/** As a real server: what is after the cursor. */
function logFor({ stage, exchange, asked, script }: Playing, places: Places): string {
  const { log = [] } = stage.played.server ?? {};
  const at = log.findIndex(([id]) => id === exchange.cursor);
  const status = exchange.cursor === null ? 'fresh' : 'resumed';
  const sync = syncOf({ sync: { status, id: exchange.cursor ?? 'a.0' } }, asked, places);
  return (
    sync +
    log
      .slice(at + 1)
      .map((event) => eventOf(event, asked, places, script))
      .join('')
  );
}
