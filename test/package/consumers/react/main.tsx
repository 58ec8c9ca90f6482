/** Two components read a channel that can be changed, in StrictMode. */
import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { connect } from 'smallchange/client';
import { type Fold, newest, useChannel, useStatus } from 'smallchange/client/react';

const server = new URLSearchParams(location.search).get('server') ?? '';
const connection = connect(server, { share: false });
const counted: Fold<number> = { initial: 0, event: (count) => count + 1, reset: () => -1 };

function Words({ channel }: { channel: string }) {
  const events = useChannel(connection, channel, newest(3));
  return <p id="words">{events.map(({ data }) => data).join(' ')}</p>;
}

function Count({ channel }: { channel: string }) {
  return <p id="count">{useChannel(connection, channel, counted)}</p>;
}

function Page() {
  const [channel, show] = useState('');
  Object.assign(globalThis, { show });
  return (
    <>
      <p id="state">{useStatus(connection).state}</p>
      {channel && <Words channel={channel} />}
      {channel && <Count channel={channel} />}
    </>
  );
}

createRoot(document.getElementById('app') as HTMLElement).render(
  <StrictMode>
    <Page />
  </StrictMode>,
);
