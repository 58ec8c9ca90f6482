/** The standard's interface, of whatever has it: `EventSource` is the browser's own, or what the package exports. */
export function listen(EventSource, url, show) {
  const source = new EventSource(url);
  for (const type of ['message', '$binary', '$sync', '$snapshot', '$bye', '$overloaded']) {
    source.addEventListener(type, ({ data }) => show(type, data));
  }
  // launchdarkly-eventsource ends the process where nobody listens for errors.
  source.addEventListener('error', () => {});
  return () => source.close();
}
