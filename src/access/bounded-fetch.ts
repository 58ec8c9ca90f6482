/** A document of a stranger's: fetched within a time and a size, and from nowhere else than asked. */

const TIMEOUT_MS = 2_000;
/** Some hundred keys with certificates. */
const BYTES_MAX = 64 << 10;

export interface Fetched {
  readonly status: number;
  readonly text: string;
}

/** @throws with a sentence that has nothing of the URL, which may hold a password. */
export async function fetchBounded(url: string): Promise<string> {
  const { status, text } = await fetchAnswer(url, { headers: { accept: 'application/json' } }, TIMEOUT_MS);
  if (status !== 200) throw new Error(`it answers ${status}`);
  return text;
}

/** The same, whatever the status: of any but 200 the text is `''`. */
export async function fetchAnswer(url: string, init: RequestInit, timeoutMs: number): Promise<Fetched> {
  const signal = AbortSignal.timeout(timeoutMs);
  const response = await fetch(url, { ...init, redirect: 'manual', signal }).catch(() => {
    throw new Error(signal.aborted ? `no answer in ${timeoutMs} ms` : 'it cannot be reached');
  });
  if (response.status !== 200 || response.body === null) {
    await response.body?.cancel();
    return { status: response.status, text: '' };
  }
  const parts: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const part of response.body) {
      bytes += part.length;
      if (bytes > BYTES_MAX) break;
      parts.push(part);
    }
  } catch {
    throw new Error('its answer ends before its time');
  }
  // Leaving the loop has cancelled the rest.
  if (bytes > BYTES_MAX) throw new Error(`its answer has more than ${BYTES_MAX} bytes`);
  return { status: response.status, text: Buffer.concat(parts).toString('utf8') };
}
