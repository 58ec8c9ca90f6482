/** `ETag` and `If-None-Match`. */

/** Whether `If-None-Match` names it, compared weakly (RFC 9110 §13.1.2): whoever is on the way may have made it weak. */
export function isNamed(etag: string, header: string): boolean {
  const named = header.split(',').map((part) => part.trim().replace(/^W\//, ''));
  return named.includes(etag) || named.includes('*');
}
