/** A proxy that does one wrong thing to the events, or the cursors, that pass through it; all else it leaves as it is. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type Meddling = 'drop' | 'repeat' | 'swap' | 'delay' | 'garble' | 'cut' | 'forget cursors';

export interface Meddler extends AsyncDisposable {
  readonly url: string;
  /** How often it has done it. */
  readonly times: number;
}

export interface MeddlerOptions {
  readonly target: string;
  readonly meddling: Meddling;
  /** Which event of all streams together it is done to: once in so many. */
  readonly everyNth: number;
  readonly delayMs?: number;
}

const END_OF_FRAME = '\n\n';

export async function startMeddler({ target, meddling, everyNth, delayMs = 0 }: MeddlerOptions): Promise<Meddler> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let events = 0;
  let times = 0;

  /** Frame by frame to the client. */
  function meddle(client: Socket): (text: string) => void {
    let rest = '';
    let held = '';
    let waitUntil: Promise<unknown> | undefined;
    const pass = (frame: string) => {
      if (waitUntil) waitUntil = waitUntil.then(() => client.write(frame, 'latin1'));
      else client.write(frame, 'latin1');
    };
    const deeds: Partial<Record<Meddling, (frame: string) => void>> = {
      drop() {},
      repeat(frame) {
        pass(frame + frame);
      },
      swap(frame) {
        held = frame;
      },
      garble(frame) {
        // Of the change itself: in an envelope it is the last field.
        pass(frame.replace(/^(data: .*)[\w-](\W*)$/m, '$1~$2'));
      },
      cut() {
        client.destroy();
      },
      delay(frame) {
        waitUntil = new Promise((resolve) => setTimeout(resolve, delayMs)).then(() => client.write(frame, 'latin1'));
      },
    };
    const doIt = deeds[meddling];
    return (text) => {
      const frames = (rest + text).split(END_OF_FRAME);
      rest = frames.pop()!;
      for (const frame of frames) {
        const whole = frame + END_OF_FRAME;
        const isEvent = /^id: /.test(frame) && !frame.includes('event: ');
        if (isEvent && doIt !== undefined && ++events % everyNth === 0) {
          times++;
          doIt(whole);
        } else {
          pass(whole + held);
          held = '';
        }
      }
    };
  }

  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    const pair = [client, upstream];
    let toClient: ((text: string) => void) | undefined;
    client.on('data', (bytes) => {
      let text = bytes.toString('latin1');
      if (text.startsWith('GET ')) toClient = meddle(client);
      if (meddling === 'forget cursors') {
        const without = text.replace(/Last-Event-ID: .*\r\n/, '');
        if (without !== text) times++;
        text = without;
      }
      upstream.write(text, 'latin1');
    });
    upstream.on('data', (bytes) => {
      if (toClient) toClient(bytes.toString('latin1'));
      else client.write(bytes);
    });
    for (const socket of pair) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        for (const one of pair) one.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get times() {
      return times;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
