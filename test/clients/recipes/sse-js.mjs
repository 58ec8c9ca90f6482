/** sse.js comes back, and says where it was, only when told to. */
import { SSE } from 'sse.js';

export function listen(url, show) {
  const source = new SSE(url, { autoReconnect: true, useLastEventId: true, reconnectDelay: 2000 });
  for (const type of ['message', '$binary', '$sync', '$snapshot', '$bye', '$overloaded']) {
    source.addEventListener(type, ({ data }) => show(type, data));
  }
  return () => source.close();
}
