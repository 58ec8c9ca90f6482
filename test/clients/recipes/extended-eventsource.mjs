/** extended-eventsource loses changes that are nothing but line ends: `with=at` makes each event one line that is more. */
import { EventSource } from 'extended-eventsource';

export function listen(url, show) {
  const source = new EventSource(url, { disableLogger: true });
  for (const type of ['message', '$binary', '$sync', '$snapshot', '$bye', '$overloaded']) {
    source.addEventListener(type, ({ data }) => show(type, data));
  }
  return () => source.close();
}
