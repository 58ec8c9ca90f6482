/** What goes wrong, as values. */
import type { Problem } from './contract.ts';

/**
 * `code` is `closed`, `full`, `expired`, `aborted`, `invalid`, or that of a problem that the server told. The message of `invalid` is what
 * is not as the protocol wants it: the `name` (P4), the `channel` (P2), or the change, which is `empty` (P3).
 */
export class ClientError extends Error {
  readonly code: string;
  readonly problem?: Problem;

  /** @param code Where no problem tells another. */
  constructor(code: string, problem?: Problem, message?: string) {
    super(message ?? problem?.detail ?? problem?.code ?? code);
    this.name = 'ClientError';
    this.code = problem?.code ?? code;
    if (problem) this.problem = problem;
  }
}

export function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
