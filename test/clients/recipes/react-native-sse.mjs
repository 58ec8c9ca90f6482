/** react-native-sse comes back after an answer's end, but not after an error: that it is told by hand. */
import EventSource from 'react-native-sse';

export function listen(url, show) {
  const source = new EventSource(url, { timeoutBeforeConnection: 0 });
  let again;
  for (const type of ['message', '$binary', '$sync', '$snapshot', '$bye', '$overloaded']) {
    source.addEventListener(type, ({ data }) => show(type, data));
  }
  source.addEventListener('error', () => {
    clearTimeout(again);
    again = setTimeout(() => source.open(), 1000 + 2000 * Math.random());
  });
  return () => {
    clearTimeout(again);
    source.close();
  };
}
