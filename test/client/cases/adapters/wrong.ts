/** Clients that are wrong on purpose: each a `fetch` that does what somebody once wrote. */

type Fetch = typeof fetch;
type Wrong = (url: URL, init: RequestInit) => Promise<Response>;

const isPost = ({ method }: RequestInit) => method === 'POST';

async function rewritten(url: URL, init: RequestInit, from: string, to: () => string): Promise<Response> {
  const response = await fetch(url, init);
  if (isPost(init) || !response.body) return response;
  const [decoder, encoder] = [new TextDecoder(), new TextEncoder()];
  const rewrite = new TransformStream<Uint8Array, Uint8Array>({
    transform: (bytes, out) =>
      out.enqueue(encoder.encode(decoder.decode(bytes, { stream: true }).replaceAll(from, to))),
  });
  return new Response(response.body.pipeThrough(rewrite), response);
}

/** By name. */
const wrongs: Readonly<Record<string, () => Wrong>> = {
  /** Comes back without its cursor. */
  forgets: () => (url, init) => {
    url.searchParams.delete('since');
    return fetch(url, init);
  },
  /** A new `seq` for each try. */
  renumbers: () => {
    let seq = 0;
    return (url, init) => {
      if (isPost(init)) url.searchParams.set('seq', String(++seq));
      return fetch(url, init);
    };
  },
  /** Tries again at once what is refused. */
  impatient: () => async (url, init) => {
    const response = await fetch(url, init);
    return response.status < 429 ? response : fetch(url, init);
  },
  /** Takes whatever comes for a yes. */
  believes: () => async (url, init) => {
    if (!isPost(init)) return fetch(url, init);
    const response = await fetch(url, init);
    await response.body?.cancel();
    return new Response(null, { status: 204 });
  },
  /** Takes what it has seen for something new: no two ids can be compared. */
  repeats: () => {
    let ids = 0;
    return (url, init) => rewritten(url, init, 'id: ', () => `id: x${++ids}`);
  },
  /** Has never heard of `retry`. */
  hasty: () => (url, init) => rewritten(url, init, 'retry: ', () => 'later: '),
  /** Sends everything twice, to be sure. */
  'sends-twice': () => async (url, init) => {
    const [response, other] = await Promise.all([fetch(url, init), isPost(init) && fetch(url, init)]);
    if (other) await other.body?.cancel();
    return response;
  },
  /** Gives up a change when something is in the way. */
  'gives-up': () => async (url, init) => {
    const response = await fetch(url, init);
    return isPost(init) && response.status >= 400 ? new Response('', { status: 400 }) : response;
  },
};

export function wrongFetch(name: string): Fetch {
  const make = wrongs[name];
  if (!make) throw new Error(`no wrong client is called ${name}: ${Object.keys(wrongs)}`);
  // One for each connection.
  const wrong = make();
  return ((url: string, init: RequestInit) => wrong(new URL(url), init)) as Fetch;
}
