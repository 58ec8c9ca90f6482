/** Whether a request is for a stream, told from its first bytes: before anything is made of it that takes memory. */

const GET = Buffer.from('GET ');
const EVENTS = Buffer.from('/events');
const END_OF_LINE = Buffer.from('\r\n');

/** @param chunk That a request begins with. Where its first line is not whole, it is taken for no such request. */
export function asksForStream(chunk: Buffer): boolean {
  if (!chunk.subarray(0, GET.length).equals(GET)) return false;
  const at = chunk.indexOf(EVENTS);
  return at !== -1 && at < chunk.indexOf(END_OF_LINE);
}
