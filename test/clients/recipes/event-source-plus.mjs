/** event-source-plus keeps one of several lines of data: `with=at` makes each event one line. */
import { EventSourcePlus } from 'event-source-plus';

export function listen(url, show) {
  const controller = new EventSourcePlus(url, { maxRetryInterval: 5000 }).listen({
    onMessage: ({ event, data }) => show(event || 'message', data),
  });
  return () => controller.abort();
}
