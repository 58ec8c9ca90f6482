/** Query parameters: a route asks for those it knows; twice is refused, unknown ones are ignored. */
import type { FastifyRequest } from 'fastify';
import { Problem } from '../errors.ts';

/**
 * The value of a parameter, `''` when it has none, undefined when it is absent.
 *
 * @throws {Problem} `repeated_parameter`: which of the two counts would be anybody's guess.
 */
export function parameter(request: FastifyRequest, name: string): string | undefined {
  const value = (request.query as Record<string, string | string[] | undefined>)[name];
  if (Array.isArray(value)) throw new Problem('repeated_parameter', `Give ${name} once.`);
  return value;
}
