/** What an operator asks for: a JSON object, whatever the `Content-Type`. */
import { Problem } from '../errors.ts';

/** @throws {Problem} 400. @param sentence What would be right. */
export function objectIn(body: unknown, sentence: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse((body as Buffer).toString());
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Neither is no body.
  }
  throw new Problem('bad_request', sentence);
}
