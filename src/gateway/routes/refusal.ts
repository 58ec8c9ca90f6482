/**
 * Refusing a stream in a way its client survives (P20).
 *
 * A browser's EventSource that is answered anything but 200 gives up for ever. So whoever named `text/event-stream` and did
 * not ask for `strict=1` gets a 200 whose only frame says what is the matter and when to come back, and which ends a little
 * later (`held.ts`). Everybody else gets the plain status.
 */
import type { FastifyReply } from 'fastify';
import { Problem } from '../../errors.ts';
import { streamHead } from '../connection/open.ts';
import type { ControlFrame } from '../formats/format.ts';
import { createSseFormat } from '../formats/sse.ts';
import type { Held } from './held.ts';

export type Refusal = 'overloaded' | 'draining' | 'engine_unavailable';

const frames: Readonly<Record<Refusal, Pick<ControlFrame, 'event' | 'data'>>> = {
  overloaded: { event: '$overloaded', data: { reason: 'capacity' } },
  draining: { event: '$bye', data: { reason: 'drain' } },
  engine_unavailable: { event: '$overloaded', data: { reason: 'store' } },
};

export const sentences: Readonly<Record<Refusal, string>> = {
  overloaded: 'There is no room for another stream or poll here: come back later.',
  draining: 'This server is going away: come back, and another one answers.',
  engine_unavailable: 'The store does not answer: come back later.',
};

const sse = createSseFormat({ fields: new Set(), withChannel: false });

export interface Refusing {
  readonly held: Held;
  readonly isPolite: boolean;
  readonly retryMs: number;
}

/** @throws {Problem} 503 where the client can make something of it. */
export function refuse(reply: FastifyReply, refusal: Refusal, { held, isPolite, retryMs }: Refusing): FastifyReply {
  if (!isPolite) throw new Problem(refusal, sentences[refusal]);
  const head = { ...streamHead(sse.contentType), 'x-overloaded': '1' };
  return held.answer(reply, head, sse.control({ ...frames[refusal], retryMs }));
}
