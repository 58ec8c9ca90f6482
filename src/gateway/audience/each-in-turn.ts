/** Something that every one of thousands of streams is to go through: in as many turns of the event loop as it takes. */
import type { Turns } from '../turns.ts';
import type { Recipient } from './recipient.ts';

/**
 * Until its own turn has come a stream is silent, whatever it points at, and may be closed. What goes wrong with one stream
 * is that stream's. Never rejects.
 */
export async function eachInTurn(
  turns: Turns,
  streams: Iterable<Recipient>,
  act: (stream: Recipient) => void,
): Promise<void> {
  for (const stream of streams) {
    const turn = turns.enter();
    if (turn) await turn;
    if (stream.isClosed) continue;
    try {
      stream.detach();
      act(stream);
    } catch (error) {
      stream.fail(error);
    }
  }
}
