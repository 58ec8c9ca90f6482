/** eventsource-client: every event comes to one function, comments to another. */
import { createEventSource } from 'eventsource-client';

export function listen(url, show) {
  const source = createEventSource({
    url,
    onMessage: ({ event = 'message', data }) => show(event, data),
  });
  return () => source.close();
}
