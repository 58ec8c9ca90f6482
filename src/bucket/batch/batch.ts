/**
 * From a request to the changes of a batch: several changes of one publisher, taken whole or refused whole (P41). Whatever is
 * wrong with one of them is told of the batch, and none is accepted.
 */
import type { Change } from '../../domain/change.ts';
import { parseTrace } from '../../domain/trace.ts';
import { Problem } from '../../errors.ts';
import { checkSender, type Submitted } from '../accept.ts';
import { linesOf } from './lines.ts';
import { isPacked, packedOf } from './packed.ts';

export interface BatchLimits {
  readonly maxChanges: number;
  /** Of the body as it comes. */
  readonly maxBytes: number;
  /** Of each change. */
  readonly maxChangeBytes: number;
}

export interface SubmittedBatch extends Submitted {
  readonly contentType: string | undefined;
}

/** @throws {Problem} 400, 413 or 422 with a sentence that says what would be right. */
export function acceptBatch(submitted: SubmittedBatch, limits: BatchLimits, acceptedMs: number): Change[] {
  const { channel, from = '', body, contentType } = submitted;
  const first = checkSender(submitted);
  if (first === 0)
    throw new Problem('batch_without_seq', 'A batch has from, and seq, which is that of its first change.');
  if (!Buffer.isBuffer(body) || body.length === 0) throw new Problem('bad_batch', FORM);
  if (body.length > limits.maxBytes) throw largeBatch(limits);
  // One more than it may have is enough to know.
  const all = (isPacked(contentType) ? packedOf : linesOf)(body, limits.maxChanges + 1);
  if (all.length === 0) throw new Problem('bad_batch', FORM);
  if (all.length > limits.maxChanges) throw largeBatch(limits);
  if (first > Number.MAX_SAFE_INTEGER - (all.length - 1)) {
    throw new Problem('bad_seq', 'seq is a whole number up to 9007199254740991, for each change of the batch.');
  }
  const trace = parseTrace(submitted.traceparent);
  return all.map((bytes, i) => {
    checkBytes(bytes, i + 1, limits.maxChangeBytes);
    const change = { channel, from, seq: first + i, acceptedMs, bytes };
    return trace === undefined ? change : { ...change, trace };
  });
}

const FORM = 'The body has one change or more: each a JSON string in a line of its own, or all in a MessagePack array.';

function checkBytes({ length }: Uint8Array, number: number, maxBytes: number): void {
  if (length === 0) throw new Problem('empty_change', `Change ${number} of the batch has 1 to ${maxBytes} bytes.`);
  if (length > maxBytes)
    throw new Problem('change_too_large', `Change ${number} of the batch has at most ${maxBytes} bytes.`);
}

export function largeBatch({ maxChanges, maxBytes }: BatchLimits, headers: Record<string, string> = {}): Problem {
  const detail = `A batch has at most ${maxChanges} changes, and its body at most ${maxBytes} bytes.`;
  return new Problem('batch_too_large', detail, headers);
}
