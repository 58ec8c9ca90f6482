/** The same with its defaults: it ends at the first error. */
import EventSource from 'react-native-sse';

export function listen(url, show) {
  const source = new EventSource(url);
  for (const type of ['message', '$binary', '$sync', '$snapshot', '$bye', '$overloaded']) {
    source.addEventListener(type, ({ data }) => show(type, data));
  }
  return () => source.close();
}
