/**
 * Trace context, passed through: the `traceparent` of a POST, by which the logs of all roles a change comes by can be found
 * again. https://www.w3.org/TR/trace-context/#traceparent-header
 */

/** version, trace-id, parent-id and flags; of a later version there may be more, which is not ours to keep. */
const pattern = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** What cannot be read is as if it were not there, as the specification asks. */
export function parseTrace(text: string | undefined): string | undefined {
  return text !== undefined && pattern.test(text) ? text : undefined;
}
