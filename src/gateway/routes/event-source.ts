/**
 * Whether a request is a browser's EventSource, which gives up for ever on anything but 200.
 *
 * An edge that asks for one with another `Accept`, so that a gateway without room says 503 and the next is asked, says so with
 * `X-Event-Source`: what is said of who asks is said to an EventSource, also there.
 */
import type { FastifyRequest } from 'fastify';
import { namesEventStream } from '../formats/formats.ts';

/** Before anything else of the request has been looked at. */
export function isEventSource({ headers, query }: FastifyRequest): boolean {
  const { strict, format } = query as Record<string, unknown>;
  if (strict === '1' || format === 'json') return false;
  return headers['x-event-source'] === '1' || namesEventStream(headers.accept);
}
