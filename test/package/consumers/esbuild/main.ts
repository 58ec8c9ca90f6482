/** In a page: sends a change, hears it, and shows it as the title. */
import { connect } from 'smallchange/client';

const asked = new URLSearchParams(location.search);
const url = asked.get('server') ?? '';
const channel = asked.get('channel') ?? '';
const connection = connect(url, { name: 'consumer' });
connection.subscribe(
  channel,
  ({ data }) => {
    document.title = `heard ${data} on ${channel}`;
  },
  { since: 'earliest' },
);
connection.publish(channel, 'x').catch((error: unknown) => {
  document.title = `failed on ${channel}: ${error}`;
});
