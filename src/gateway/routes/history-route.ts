/** `GET /c/{channel}/history`: what the store keeps of a channel's events, page by page (P25). */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../clock.ts';
import type { Channel } from '../../domain/channel.ts';
import { cursorOf, parsePosition } from '../../domain/cursor.ts';
import type { Event } from '../../domain/event.ts';
import type { Position } from '../../domain/position.ts';
import type { HistoryPage } from '../../engine/comparing.ts';
import type { DatedPage, Histories } from '../../engine/engine.ts';
import { EngineUnavailable, Problem } from '../../errors.ts';
import { parameter } from '../../http/query.ts';
import { envelopePieces } from '../formats/envelope.ts';
import { ENVELOPE_FIELDS } from '../formats/format.ts';
import { Slots } from '../hub/slots.ts';
import { isSince, momentOf, parseWindow } from '../stream/moment.ts';
import { logInStore, windowStart } from '../stream/window.ts';
import type { Turns } from '../turns.ts';
import { ANSWER_MAX_EVENTS, EventList } from './event-list.ts';
import type { JsonAnswers } from './json-answers.ts';
import { parseChannel, parseNumber } from './request.ts';
import { historyDocument } from './schemas.ts';
import type { Slices } from './slices.ts';

/** Looks at a history whose oldest end moves on under the reader. */
const TRIES_MAX = 5;
const PAGES_MAX = 1;
/** What a page reads of the store at once: there may be six times as many bytes of JSON, and what is too much was read in vain. */
const READ_BYTES = 128 << 10;
/** For so long after one no other is begun, as a part of the time that it took: whoever reads histories leaves some to everybody else. */
const REST = 3;
const envelope = { fields: new Set(ENVELOPE_FIELDS), withChannel: false };

export interface HistoryDeps {
  readonly histories: Histories;
  readonly clock: Clock;
  readonly turns: Turns;
  readonly answers: JsonAnswers;
}

type HistoryRequest = FastifyRequest<{ Params: { channel: string }; Querystring: Record<string, unknown> }>;

export function historyRoute(app: FastifyInstance, deps: HistoryDeps): void {
  const { url, schema } = historyDocument;
  const slots = new Slots(PAGES_MAX);

  function inTurn(make: () => Promise<Slices | null>): Promise<Slices | null> {
    return new Promise((resolve) => {
      void slots.run(async () => {
        const beganMs = performance.now();
        const made = make();
        resolve(made);
        await Promise.allSettled([made]);
        await sleep((performance.now() - beganMs) * REST);
      });
    });
  }

  app.get(url, { schema, config: { right: 'history' } }, async (request: HistoryRequest, reply: FastifyReply) => {
    const channel = parseChannel(request.params.channel);
    const refusal = request.principal!.refusal('history', [channel]);
    if (refusal) throw refusal;
    const limit = parseNumber('limit', parameter(request, 'limit') ?? `${ANSWER_MAX_EVENTS}`, 1, ANSWER_MAX_EVENTS);
    const since = parameter(request, 'since') || undefined;
    const until = parseUntil(parameter(request, 'until') || undefined, channel);
    const body = await inTurn(async () => {
      // Others were before it, and it may have given up.
      if (request.raw.socket.destroyed) return null;
      deps.answers.admit();
      return pageBody(deps, channel, { since, until, limit });
    });
    return body ? deps.answers.send(reply, body) : reply.hijack();
  });
}

interface HistoryWish {
  readonly since: string | undefined;
  readonly until: Until | undefined;
  readonly limit: number;
}

/** Whether an event is not asked for any more. */
type Until = (now: { readonly clockMs: number; readonly wallMs: number }) => (event: Event) => boolean;

/** A cursor, whose event is the last; or a duration or a date, before which the last event is. */
function parseUntil(text: string | undefined, channel: Channel): Until | undefined {
  if (text === undefined) return undefined;
  const window = parseWindow(text);
  if (window && window.kind !== 'all') return (now) => isSince(momentOf(window, now));
  const position = window ? undefined : parsePosition(text, channel);
  if (!position) {
    throw new Problem(
      'bad_parameter',
      'until is a cursor of this channel, a duration such as 10m, or a date of RFC 3339.',
    );
  }
  return () => (event) => event.offset > position.offset;
}

async function pageBody(
  { histories, clock, turns, answers }: HistoryDeps,
  channel: Channel,
  { since, until, limit }: HistoryWish,
): Promise<Slices> {
  const window = since === undefined ? undefined : parseWindow(since);
  const asked = window
    ? await windowStart(histories, logInStore(histories, channel), window, clock.wallMs())
    : parsePosition(since ?? '', channel);
  const first = asked && (await histories.readHistory(channel, asked, limit, READ_BYTES));
  const isKept = first?.kind === 'events';
  const found = isKept ? { page: first, after: asked!.offset } : await readOldest(histories, channel, limit);
  const { epoch } = found.page.log;
  const list = new EventList(turns, answers);
  let page: HistoryPage = found.page;
  let offset = found.after;
  let isMore = false;
  const isOver = until?.({ clockMs: found.page.clockMs, wallMs: clock.wallMs() });
  let isAtEnd = false;
  // What is lost behind a part of it is the next page's to tell.
  while (page.kind === 'events' && page.log.epoch === epoch) {
    for (const event of page.events) {
      isAtEnd = isOver?.(event) ?? false;
      if (list.isFull || isAtEnd) break;
      await list.add(envelopePieces(event, channel, envelope, cursorOf(channel, { epoch, ...event })));
      offset = event.offset;
    }
    isMore = !isAtEnd && list.count > 0 && offset < page.log.head;
    if (!isMore || list.isFull || list.count >= limit || page.events.length === 0) break;
    page = await histories.readHistory(channel, { epoch, offset }, limit - list.count, READ_BYTES);
  }
  const cursor = cursorOf(channel, { epoch, offset });
  // Of a window what is trimmed meanwhile was the oldest of what is left.
  const status = since === undefined || window !== undefined || isKept ? 'resumed' : 'reset';
  return list.toBody({ cursor, status }, isMore);
}

/** From the oldest event that is kept; looks again when that is trimmed between the two reads. */
async function readOldest(
  histories: Histories,
  channel: Channel,
  limit: number,
): Promise<{ page: DatedPage & { kind: 'events' }; after: number }> {
  let { log } = await histories.readHistory(channel, null, 0);
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const position: Position = { epoch: log.epoch, offset: log.oldest - 1 };
    const page = await histories.readHistory(channel, position, limit, READ_BYTES);
    if (page.kind === 'events') return { page, after: position.offset };
    log = page.log;
  }
  throw new EngineUnavailable('the history is trimmed faster than it can be read');
}
