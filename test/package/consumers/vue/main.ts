/** Two components read a channel that can be changed. */
import { connect } from 'smallchange/client';
import { type Fold, newest, useChannel, useStatus } from 'smallchange/client/vue';
import { createApp, defineComponent, h, shallowRef } from 'vue';

const server = new URLSearchParams(location.search).get('server') ?? '';
const connection = connect(server, { share: false });
const counted: Fold<number> = { initial: 0, event: (count) => count + 1, reset: () => -1 };
const channel = shallowRef('');

const Words = defineComponent(() => {
  const events = useChannel(connection, channel, newest(3));
  return () => h('p', { id: 'words' }, events.value.map(({ data }) => data).join(' '));
});

const Count = defineComponent(() => {
  const count = useChannel(connection, () => channel.value, counted);
  return () => h('p', { id: 'count' }, count.value);
});

const Page = defineComponent(() => {
  const status = useStatus(connection);
  return () => [h('p', { id: 'state' }, status.value.state), ...(channel.value ? [h(Words), h(Count)] : [])];
});

Object.assign(globalThis, {
  show(name: string) {
    channel.value = name;
  },
});
createApp(Page).mount('#app');
