/** Bytes and text, as they are on the wire (P17). */

export function bytesOf(data: string | Uint8Array): Uint8Array {
  // A copy: what the app does to its array later is not what it published.
  return typeof data === 'string' ? new TextEncoder().encode(data) : data.slice();
}

export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** Of three bytes each four characters: of a multiple of three, there is no padding. */
export function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_');
}

/** What is shown of a secret: 8 characters of base64url of its SHA-256 (P4); undefined on plain http, which has no hash. */
export async function tagOf(secret: string): Promise<string | undefined> {
  const hash = await globalThis.crypto?.subtle?.digest('SHA-256', bytesOf(secret) as Uint8Array<ArrayBuffer>);
  return hash && base64Url(new Uint8Array(hash, 0, 6));
}
