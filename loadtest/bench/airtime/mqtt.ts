/** MQTT 3.1.1 over a WebSocket, `mqtt` and `aedes` as they come: at most once (QoS 0), and acknowledged (QoS 1). */
import { Aedes } from 'aedes';
import mqtt, { type MqttClient } from 'mqtt';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { type Identity, listenOn, makeServer } from './own-server.ts';
import type { Listener, Sender, Way, Ways } from './way.ts';

/** As long as the channel of ours. */
const TOPIC = 'demo';

export async function mqttWays(identity: Identity): Promise<Ways> {
  const server = makeServer(identity);
  const sockets = new WebSocketServer({ server });
  const broker = await Aedes.createBroker();
  sockets.on('connection', (socket) => void broker.handle(createWebSocketStream(socket)));
  const port = await listenOn(server);

  const connect = (to: number): Promise<MqttClient> =>
    mqtt.connectAsync(`wss://localhost:${to}`, { ca: identity.ca, reconnectPeriod: 0, keepalive: 0 });

  async function sender(to: number, qos: 0 | 1): Promise<Sender> {
    const client = await connect(to);
    const send = async () => void (await client.publishAsync(TOPIC, 'x', { qos }));
    await send();
    return { send, close: () => void client.end(true) };
  }

  async function listener(to: number, qos: 0 | 1): Promise<Listener> {
    const client = await connect(to);
    let heard = 0;
    client.on('message', () => heard++);
    await client.subscribeAsync(TOPIC, { qos });
    return { heard: () => heard, close: () => void client.end(true) };
  }

  const publishing = (qos: 0 | 1) => () =>
    new Promise<void>((resolve, reject) => {
      const packet = { cmd: 'publish', topic: TOPIC, payload: 'x', qos, retain: false, dup: false } as const;
      broker.publish(packet, (error) => (error ? reject(error) : resolve()));
    });
  const ways = ([0, 1] as const).map(
    (qos): Way => ({
      name: `MQTT over WebSocket, QoS ${qos}`,
      port,
      sender: (to) => sender(to, qos),
      listener: (to) => listener(to, qos),
      publish: publishing(qos),
    }),
  );
  return {
    ways,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.clients) socket.terminate();
      await new Promise<void>((resolve) => broker.close(resolve));
      server.close();
      server.closeAllConnections();
    },
  };
}
