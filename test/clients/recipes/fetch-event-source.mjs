/** @microsoft/fetch-event-source takes the end of a stream for the end of all: that it is not, only `onclose` can say. */
import { fetchEventSource } from '@microsoft/fetch-event-source';

export function listen(url, show) {
  const stop = new AbortController();
  fetchEventSource(url, {
    signal: stop.signal,
    openWhenHidden: true,
    onmessage: ({ event, data }) => show(event || 'message', data),
    onclose() {
      throw new Error('come back');
    },
  });
  return () => stop.abort();
}
