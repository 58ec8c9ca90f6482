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

/** Whether a parameter is 1. @throws {Problem} `bad_parameter` for anything but 1 or 0. */
export function flag(request: FastifyRequest, name: string): boolean {
  const value = parameter(request, name);
  if (value === undefined || value === '0') return false;
  if (value === '1') return true;
  throw new Problem('bad_parameter', `${name} is 1 or 0.`);
}
