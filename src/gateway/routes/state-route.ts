/** `GET /c/{channel}/state`: the folded value of a channel, and the position it belongs to (P24, P45). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../clock.ts';
import { type Channel, shardOf } from '../../domain/channel.ts';
import { cursorOf, parsePosition } from '../../domain/cursor.ts';
import type { Position } from '../../domain/position.ts';
import type { Engine, Snapshot } from '../../engine/engine.ts';
import { isNamed } from '../../http/etag.ts';
import { flag, parameter } from '../../http/query.ts';
import { Merged } from '../hub/merged.ts';
import { Slots } from '../hub/slots.ts';
import type { Snapshots } from '../hub/snapshots.ts';
import { createGate } from '../stream/gate.ts';
import type { Turns } from '../turns.ts';
import type { JsonAnswers } from './json-answers.ts';
import { parseChannel } from './request.ts';
import { stateDocument } from './schemas.ts';
import { bytesOf, type Slices } from './slices.ts';
import { stateBody } from './state-body.ts';

/** Bodies being made: more at a time are no sooner done. */
const BODIES_MAX = 4;

type StateRequest = FastifyRequest<{ Params: { channel: string }; Querystring: Record<string, unknown> }>;

export interface StateDeps {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly snapshots: Snapshots;
  readonly turns: Turns;
  readonly answers: JsonAnswers;
}

export function stateRoute(app: FastifyInstance, { engine, clock, snapshots, turns, answers }: StateDeps): void {
  const { url, schema } = stateDocument;
  /** Each is made once for all who ask, and kept for as long as its snapshot is. */
  const bodies = new WeakMap<Snapshot, Promise<Slices>>();
  const slots = new Slots(BODIES_MAX);
  const gate = createGate();
  const merged = new Merged({ engine, clock });

  async function makeBody(channel: Channel, snapshot: Snapshot): Promise<Slices> {
    const body = await slots.run(() => stateBody(channel, snapshot, turns));
    snapshots.grow(channel, snapshot, bytesOf(body));
    return body;
  }

  function wholeBody(channel: Channel, snapshot: Snapshot): Promise<Slices> {
    const body = bodies.get(snapshot) ?? makeBody(channel, snapshot);
    bodies.set(snapshot, body);
    return body;
  }

  async function read(channel: Channel, since: Position | undefined): Promise<{ snapshot: Snapshot; body: Slices }> {
    const snapshot = await snapshots.of(channel);
    const isPart = since !== undefined && (await isOfThisLog(engine, channel, since));
    const body = isPart
      ? await slots.run(() => stateBody(channel, snapshot, turns, since.offset))
      : await wholeBody(channel, snapshot);
    return { snapshot, body };
  }

  app.get(url, { schema, config: { right: 'subscribe' } }, async (request: StateRequest, reply) => {
    const channel = parseChannel(request.params.channel);
    const refusal = request.principal!.refusal('subscribe', [channel]);
    if (refusal) throw refusal;
    const since = parsePosition(parameter(request, 'since') ?? '', channel);
    if (flag(request, 'fresh')) await merged.upToNow(shardOf(channel, engine.shards));
    const known = request.headers['if-none-match'];
    if (known !== undefined && isNamed(await headTag(engine, channel, reply), known)) return reply.code(304).send();
    answers.admit();
    // Thousands may wait for the same read, however it ends.
    const { snapshot, body } = await read(channel, since).finally(() => gate.enter());
    return answers.send(tagged(reply, channel, snapshot), body);
  });
}

/** The `ETag` that the state has now, put on the answer: where its reader has it, the state is not read. */
async function headTag(engine: Engine, channel: Channel, reply: FastifyReply): Promise<string> {
  const { epoch, head } = (await engine.readHistory(channel, null, 0)).log;
  return tagged(reply, channel, { epoch, offset: head }).getHeader('etag') as string;
}

function tagged(reply: FastifyReply, channel: Channel, position: Position): FastifyReply {
  return reply.header('cache-control', 'no-store').header('etag', `"${cursorOf(channel, position)}"`);
}

/**
 * Trimmed history is no matter: the state remembers when each field changed for as long as the channel is there. But not those that
 * went because somebody was erased: who knew it before is given all of it.
 */
async function isOfThisLog(engine: Engine, channel: Channel, position: Position): Promise<boolean> {
  const page = await engine.readHistory(channel, position, 0);
  if (position.offset < (page.log.erased ?? 0)) return false;
  return page.kind === 'events' || page.reason === 'trimmed';
}
