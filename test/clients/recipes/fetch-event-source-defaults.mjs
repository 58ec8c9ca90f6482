/** The same with its defaults: it ends at the first goodbye. */
import { fetchEventSource } from '@microsoft/fetch-event-source';

export function listen(url, show) {
  const stop = new AbortController();
  fetchEventSource(url, {
    signal: stop.signal,
    onmessage: ({ event, data }) => show(event || 'message', data),
  });
  return () => stop.abort();
}
