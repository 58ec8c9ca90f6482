/** What requests over both versions of HTTP have in common for who asks. */
import type { Readable } from 'node:stream';

export interface Ask {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Http {
  /** Resolves with the whole body. @throws {Error} when the status is none of success. */
  ask(what: Ask): Promise<string>;
  /** Reads on and on. @param onText All that has come so far. Resolves with the head. */
  stream(what: Ask, onText: (text: string) => void): Promise<void>;
  close(): void;
}

/** @param begin Resolves with the body, as text, once there is a head of success. */
export function httpOf(begin: (what: Ask) => Promise<Readable>, close: () => void): Http {
  return {
    async ask(what) {
      let text = '';
      for await (const chunk of await begin(what)) text += chunk;
      return text;
    },
    async stream(what, onText) {
      let text = '';
      (await begin(what))
        .on('error', () => {})
        .on('data', (chunk: string) => {
          text += chunk;
          onText(text);
        });
    },
    close,
  };
}

export function lengthOf(body: string | undefined): Readonly<Record<string, string>> {
  return body === undefined ? {} : { 'content-length': String(body.length) };
}
