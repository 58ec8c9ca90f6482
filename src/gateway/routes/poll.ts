/** A poll: what there is since a cursor, at once or as soon as something comes, as one JSON object (P18). */
import type { Clock } from '../../clock.ts';
import type { Position } from '../../domain/position.ts';
import type { Histories } from '../../engine/engine.ts';
import { envelopePieces } from '../formats/envelope.ts';
import type { Hub } from '../hub/hub.ts';
import { acquireAll, type Hubs } from '../hub/hubs.ts';
import { News } from '../hub/news.ts';
import { Slots } from '../hub/slots.ts';
import { createGate, type Gate } from '../stream/gate.ts';
import { startOver } from '../stream/reset.ts';
import { type ChannelStart, findStart } from '../stream/start.ts';
import { cursorOfAll, cursorWriter, worstStatus } from '../stream/sync.ts';
import type { Turns } from '../turns.ts';
import { ANSWER_MAX_EVENTS, EventList } from './event-list.ts';
import type { JsonAnswers } from './json-answers.ts';
import type { ReadRequest } from './request.ts';
import type { Slices } from './slices.ts';
import { snapshotData } from './snapshot.ts';

export interface PollDeps {
  readonly histories: Histories;
  readonly replayMaxEvents?: number;
  readonly clock: Clock;
  readonly hubs: Hubs;
  readonly pace: PollPace;
  readonly turns: Turns;
  readonly answers: Pick<JsonAnswers, 'maxBytes' | 'pool'>;
}

/** What polls take of a gateway at a time, all of them together; the others wait in the order in which they came. */
export interface PollPace {
  /** Polls whose hubs are being opened, sixteen at most each: a store has that many in hand and is asked for no more. */
  readonly opening: Slots;
  /** Answers being made, about 1 MiB each. */
  readonly answering: Slots;
  /** Looks at the hubs in a turn: one event may wake thousands of polls. */
  readonly gate: Gate;
}

const OPENING_MAX = 64;
const ANSWERING_MAX = 16;

export function createPollPace(): PollPace {
  return { opening: new Slots(OPENING_MAX), answering: new Slots(ANSWERING_MAX), gate: createGate() };
}

/** @returns The body of the answer. @param signal Aborted when it must not wait any more; its reason is thrown where there is nothing to answer. */
export async function poll(request: ReadRequest, deps: PollDeps, signal: AbortSignal): Promise<Slices> {
  const { hubs: all, pace } = deps;
  const hubs = await pace.opening.run(async () => {
    signal.throwIfAborted();
    return acquireAll(all, request.channels);
  });
  // Registered before the first look: an event that comes meanwhile is not waited for.
  const news = new News(hubs);
  try {
    const answer = new PollAnswer(request, hubs, await findStart(deps, hubs, request), deps);
    return await answered(answer, news, request, deps, signal);
  } finally {
    news.close();
    for (const hub of hubs) all.release(hub, request.waitMs === 0);
  }
}

/** Looks until there is something to tell, or the time is up. */
async function answered(
  answer: PollAnswer,
  news: News,
  { waitMs }: ReadRequest,
  { clock, pace }: PollDeps,
  signal: AbortSignal,
): Promise<Slices> {
  const untilMs = clock.elapsedMs() + waitMs;
  for (;;) {
    await pace.gate.enter();
    news.begin();
    const body = await pace.answering.run(async () => {
      await answer.collect();
      if (answer.isEmpty) signal.throwIfAborted();
      return answer.isEmpty && clock.elapsedMs() < untilMs ? null : answer.toBody();
    });
    if (body) return body;
    await news.within(untilMs - clock.elapsedMs(), signal);
  }
}

class PollAnswer {
  readonly #request: ReadRequest;
  readonly #hubs: readonly Hub[];
  readonly #starts: ChannelStart[];
  readonly #positions: Position[];
  readonly #events: EventList;

  constructor(request: ReadRequest, hubs: readonly Hub[], starts: ChannelStart[], deps: PollDeps) {
    this.#request = request;
    this.#events = new EventList(deps.turns, deps.answers);
    this.#hubs = hubs;
    this.#starts = starts;
    this.#positions = starts.map(({ position }) => position);
  }

  get #isJoined(): boolean {
    return this.#request.cursors === 'joined';
  }

  get isEmpty(): boolean {
    return this.#events.count === 0 && worstStatus(this.#starts) !== 'reset';
  }

  /**
   * Takes what the hubs have after our positions, until the answer is full. The channels take turns, each with its share of an
   * answer; and it is not always the same that begins, or one of large changes would fill every answer.
   */
  async collect(): Promise<void> {
    const channels = this.#hubs.length;
    let turn = Math.floor(Math.random() * channels);
    for (let upToDate = 0; upToDate < channels && !this.#events.isFull; turn = (turn + 1) % channels) {
      if (!this.#isBehind(turn)) upToDate++;
      else {
        upToDate = 0;
        await this.#takeShare(turn);
      }
    }
  }

  #isBehind(i: number): boolean {
    const [hub, position] = [this.#hubs[i]!, this.#positions[i]!];
    return !hub.covers(position) || position.offset < hub.head;
  }

  async #takeShare(i: number): Promise<void> {
    const hub = this.#hubs[i]!;
    const position = this.#positions[i]!;
    const events = this.#events;
    const share = Math.ceil(ANSWER_MAX_EVENTS / this.#hubs.length);
    const page = await hub.page(position, Math.min(share, ANSWER_MAX_EVENTS - events.count));
    if (page.kind === 'gap') {
      const isOvertaken = page.reason === 'trimmed' && this.#starts[i]!.status === 'reset';
      this.#starts[i] = await startOver(hub, { from: position, gap: page, isFromNow: isOvertaken });
      this.#positions[i] = this.#starts[i]!.position;
      return;
    }
    this.#positions[i] = { epoch: page.epoch, offset: position.offset };
    const cursorAt = cursorWriter(this.#hubs, this.#positions, this.#isJoined);
    const options = { fields: this.#request.fields, withChannel: this.#hubs.length > 1 };
    let room = events.maxBytes / this.#hubs.length;
    for (const event of page.events) {
      if (room <= 0 || events.isFull) return;
      room -= await events.add(envelopePieces(event, hub.channel, options, cursorAt(i, event.offset)));
      this.#positions[i] = { epoch: page.epoch, offset: event.offset };
    }
    this.#positions[i] = { epoch: page.epoch, offset: page.through };
  }

  toBody(): Slices {
    const cursor = cursorOfAll(this.#hubs, this.#positions, this.#isJoined);
    const snapshots = this.#starts.flatMap((start, i) =>
      start.status !== 'resumed' && start.snapshot ? [snapshotData(this.#hubs[i]!.channel, start.snapshot)] : [],
    );
    const head = { cursor, status: worstStatus(this.#starts), ...(snapshots.length > 0 ? { snapshots } : {}) };
    return this.#events.toBody(
      head,
      this.#hubs.some((_, i) => this.#isBehind(i)),
    );
  }
}
