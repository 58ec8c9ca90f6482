/** From request to change: everything a publisher can get wrong is told here, and nothing is changed by it (P1–P4). */
import { type Change, isFrom, parseSeq } from '../domain/change.ts';
import { CHANNEL_RULE, isChannel } from '../domain/channel.ts';
import { parseTrace } from '../domain/trace.ts';
import { Problem } from '../errors.ts';

/** What comes with a body. */
export interface Submitted {
  readonly method: string;
  readonly channel: string;
  /** From the query, else from the header. */
  readonly from: string | undefined;
  readonly seq: string | undefined;
  readonly body: unknown;
  /** The header, as it came. */
  readonly traceparent: string | undefined;
}

/** @throws {Problem} 400 or 413 with a sentence that says what would be right. */
export function acceptChange(submitted: Submitted, maxChangeBytes: number, acceptedMs: number): Change {
  const { channel, from = '', body } = submitted;
  const seq = checkSender(submitted);
  if (!Buffer.isBuffer(body) || body.length === 0) {
    throw new Problem('empty_change', `The body is the change itself: 1 to ${maxChangeBytes} bytes.`);
  }
  if (body.length > maxChangeBytes) {
    throw new Problem('change_too_large', `A change is at most ${maxChangeBytes} bytes.`);
  }
  const trace = parseTrace(submitted.traceparent);
  const change = { channel, from, seq, acceptedMs, bytes: body };
  return trace === undefined ? change : { ...change, trace };
}

/** Who sends, and where to. @returns Its seq; 0 where it has none. @throws {Problem} 400. */
export function checkSender({ method, channel, from, seq: seqText }: Submitted): number {
  if (!isChannel(channel)) {
    throw new Problem('bad_channel', CHANNEL_RULE);
  }
  if (from !== undefined && !isFrom(from)) {
    throw new Problem(
      'bad_from',
      'from is <name>.<nonce>: exactly one dot, each side 1 to 40 of A–Z a–z 0–9 _ -; the nonce is new at every start.',
    );
  }
  if (seqText !== undefined && from === undefined) {
    throw new Problem('seq_without_from', 'seq counts the changes of one publisher: send from as well.');
  }
  const seq = seqText === undefined ? 0 : parseSeq(seqText);
  if (seq === undefined) throw new Problem('bad_seq', 'seq is a whole number from 1 to 9007199254740991, digits only.');
  if (method === 'PUT' && seq === 0) {
    throw new Problem('put_without_seq', 'PUT is safe to repeat, which takes from and seq; without them use POST.');
  }
  return seq;
}
