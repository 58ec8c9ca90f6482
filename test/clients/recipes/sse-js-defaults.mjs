/** The same with its defaults: it ends at the first goodbye. */
import { SSE } from 'sse.js';

export function listen(url, show) {
  const source = new SSE(url);
  for (const type of ['message', '$binary', '$sync', '$snapshot', '$bye', '$overloaded']) {
    source.addEventListener(type, ({ data }) => show(type, data));
  }
  return () => source.close();
}
