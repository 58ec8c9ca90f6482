/** A limit of its own for each request: what is never answered keeps one of the few connections that a browser has to a host. */
import { whenAborted } from './aborted.ts';
import type { ClientClock } from './clock.ts';

/** @param ending Ends it before its time. */
export async function withinTime<T>(
  clock: ClientClock,
  ms: number,
  ending: AbortSignal | undefined,
  act: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const end = () => late.abort();
  const cancel = clock.after(ms, end);
  whenAborted(ending, end);
  try {
    return await act(late.signal);
  } finally {
    cancel();
    ending?.removeEventListener('abort', end);
  }
}
