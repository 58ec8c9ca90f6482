/** What goes wrong, as values. */
import type { Problem } from './contract.ts';

/** `code` is `closed`, `full`, `expired`, `aborted`, `invalid`, or that of a problem that the server told. */
export class ClientError extends Error {
  readonly code: string;
  readonly problem?: Problem;

  constructor(code: string, message: string = code, problem?: Problem) {
    super(message);
    this.name = 'ClientError';
    this.code = code;
    if (problem) this.problem = problem;
  }
}

export function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
