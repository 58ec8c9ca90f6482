/** An app: it shows how many have voted, and what of its own was not sent. */
import type { Connection } from 'smallchange/client';

export function createVotes(connection: Connection, channel: string) {
  let count = 0;
  connection.subscribe(channel, () => {
    count++;
  });
  return {
    vote: (what: string) => connection.publish(channel, what),
    text: () => `${count} votes${connection.pending > 0 ? `, ${connection.pending} to be sent` : ''}`,
  };
}
