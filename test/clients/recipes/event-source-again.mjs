/** The browser's own gives up for ever when a proxy on the way says 502 once: then another is made, from where that one was. */
export function listen(url, show) {
  let source;
  let timer;
  let last = '';
  const open = () => {
    const from = new URL(url, location.href);
    if (last !== '') from.searchParams.set('lastEventId', last);
    source = new EventSource(from);
    for (const type of ['message', '$binary', '$sync', '$snapshot', '$bye', '$overloaded']) {
      source.addEventListener(type, ({ data, lastEventId }) => {
        last = lastEventId || last;
        show(type, data);
      });
    }
    source.addEventListener('error', () => {
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, 1000 + 2000 * Math.random());
    });
  };
  open();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}
