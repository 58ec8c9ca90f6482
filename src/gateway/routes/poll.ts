/** A poll: what there is since a cursor, at once or as soon as something comes, as one JSON object (P18). */
import type { Clock } from '../../clock.ts';
import type { Position } from '../../domain/position.ts';
import type { Engine } from '../../engine/engine.ts';
import { envelopeOf } from '../formats/envelope.ts';
import type { Hub } from '../hub/hub.ts';
import { acquireAll, anyAdvanced, type Hubs } from '../hub/hubs.ts';
import { type ChannelStart, findStart, startOver } from '../stream/start.ts';
import { cursorOfAll, cursorWriter, worstStatus } from '../stream/sync.ts';
import type { ReadRequest } from './request.ts';
import { snapshotData } from './snapshot.ts';

/** Events in one answer. */
const POLL_MAX_EVENTS = 500;

export interface PollDeps {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly hubs: Hubs;
}

/** @returns The body of the answer. @param signal Aborted when the client has gone or the server is going. */
export async function poll(request: ReadRequest, deps: PollDeps, signal: AbortSignal): Promise<string> {
  const hubs = await acquireAll(deps.hubs, request.channels);
  try {
    const answer = new PollAnswer(request, hubs, await findStart(deps, hubs, request));
    await answer.collect();
    const untilMs = deps.clock.elapsedMs() + request.waitMs;
    while (answer.isEmpty && deps.clock.elapsedMs() < untilMs && !signal.aborted) {
      await anyAdvanced(hubs, untilMs - deps.clock.elapsedMs(), signal);
      await answer.collect();
    }
    return answer.toJson();
  } finally {
    for (const hub of hubs) deps.hubs.release(hub);
  }
}

class PollAnswer {
  readonly #request: ReadRequest;
  readonly #hubs: readonly Hub[];
  readonly #starts: ChannelStart[];
  readonly #positions: Position[];
  readonly #events: string[] = [];
  #hasMore = false;

  constructor(request: ReadRequest, hubs: readonly Hub[], starts: ChannelStart[]) {
    this.#request = request;
    this.#hubs = hubs;
    this.#starts = starts;
    this.#positions = starts.map(({ position }) => position);
  }

  get isEmpty(): boolean {
    return this.#events.length === 0 && worstStatus(this.#starts) !== 'reset';
  }

  /** Takes what the hubs have after our positions, until the answer is full. */
  async collect(): Promise<void> {
    for (const [i, hub] of this.#hubs.entries()) {
      while (!hub.covers(this.#positions[i]!) || this.#positions[i]!.offset < hub.head) {
        const room = POLL_MAX_EVENTS - this.#events.length;
        this.#hasMore = room === 0;
        if (this.#hasMore) return;
        await this.#takePage(i, hub, room);
      }
    }
  }

  async #takePage(i: number, hub: Hub, room: number): Promise<void> {
    const position = this.#positions[i]!;
    const page = await hub.page(position);
    if (page.kind === 'gap') {
      this.#starts[i] = await startOver(hub, position, page);
      this.#positions[i] = this.#starts[i]!.position;
      return;
    }
    const taken = page.events.slice(0, room);
    const cursorAt = cursorWriter(this.#hubs, this.#positions);
    const options = { fields: this.#request.fields, withChannel: this.#hubs.length > 1 };
    for (const event of taken) {
      this.#events.push(envelopeOf(event, hub.channel, options, cursorAt(i, event.offset)));
    }
    const offset = taken.length < page.events.length ? taken.at(-1)!.offset : page.through;
    this.#positions[i] = { epoch: position.epoch, offset };
  }

  toJson(): string {
    const cursor = cursorOfAll(this.#hubs, this.#positions);
    const snapshots = this.#starts.flatMap((start, i) =>
      start.status !== 'resumed' && start.snapshot ? [snapshotData(this.#hubs[i]!.channel, start.snapshot)] : [],
    );
    const head = { cursor, status: worstStatus(this.#starts), ...(snapshots.length > 0 ? { snapshots } : {}) };
    return `${JSON.stringify(head).slice(0, -1)},"events":[${this.#events.join(',')}],"more":${this.#hasMore}}`;
  }
}
