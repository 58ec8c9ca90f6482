/** Where the page is from. */

/** A server on this very machine needs no network, and no other device can reach it by that name. */
export function isThisMachine(hostname = location.hostname): boolean {
  return /^(?:localhost|.*\.localhost|127\.[\d.]+|\[::1\])$/.test(hostname);
}
