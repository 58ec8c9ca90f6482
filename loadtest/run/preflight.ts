/**
 * Before anything is started: does the target speak the protocol? One stream to each of the streams' targets, one change,
 * and its event on every one of them. What is wrong is told in the words of whoever has to mend it.
 */
import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import { type Frame, type FrameSink, type Head, Parser } from '../listening/parser.ts';
import { createConnections } from '../sending/connection.ts';
import { BadUse } from './arguments.ts';
import type { Address } from './messages.ts';

/** An idle server answers in milliseconds; this is for one that is still starting beside fifty others. */
const ANSWER_MS = 10_000;
const PROBE_DATA = 'probe';

export async function addressOf(url: string): Promise<Address> {
  const { hostname, port, host } = new URL(url);
  try {
    const { address } = await lookup(hostname.replaceAll(/[[\]]/g, ''), { family: hostname.startsWith('[') ? 6 : 0 });
    return { host: address, port: Number(port || 80), name: host };
  } catch {
    throw new BadUse(`${url}: there is no host ${hostname}`);
  }
}

export function isLoopback({ host }: Address): boolean {
  return host.startsWith('127.');
}

/** @throws {BadUse} */
export async function preflight(target: Address, streamsTargets: readonly Address[], nonce: string): Promise<void> {
  const channel = `lt-${nonce}-probe`;
  const probes = await Promise.all(streamsTargets.map((address) => openProbe(address, channel)));
  try {
    await postProbe(target, channel);
    await Promise.all(probes.map((probe) => probe.arrived()));
  } finally {
    for (const probe of probes) probe.close();
  }
}

interface Probe {
  /** Resolves when the event of the change that was sent has come. */
  arrived(): Promise<void>;
  close(): void;
}

async function openProbe(address: Address, channel: string): Promise<Probe> {
  const where = `http://${address.name}`;
  const socket = connect({ host: address.host, port: address.port });
  let opened: (() => void) | undefined;
  let failed: (reason: string) => void = () => {};
  let got: (() => void) | undefined;
  let gone: (reason: string) => void = () => {};
  const open = new Promise<void>((resolve, reject) => {
    opened = resolve;
    failed = (reason) => reject(new BadUse(`${where}: ${reason}`));
  });
  const event = new Promise<void>((resolve, reject) => {
    got = resolve;
    gone = (reason) => reject(new BadUse(`${where}: ${reason}`));
  });
  event.catch(() => {});
  const tell = (reason: string) => {
    failed(reason);
    gone(reason);
  };
  let hasSync = false;
  const sink: FrameSink = {
    head(_row, head) {
      const problem = headProblem(head);
      if (problem !== null) tell(problem);
      return problem === null;
    },
    frame(_row, frame) {
      if (frame.event === '$sync') {
        hasSync = true;
        opened?.();
      } else if (frame.event === '$bye' || frame.event === '$overloaded')
        tell(`it sends streams away (${frame.event})`);
      else if (!hasSync) tell('its first frame is no $sync (P11): this is not the protocol of smallchange');
      else if (frame.event === '') {
        const problem = eventProblem(frame);
        if (problem === null) got?.();
        else tell(problem);
      }
    },
    heartbeat: () => {},
    malformed: (_row, why) => tell(why),
    over: () => tell('it ended the stream'),
  };
  const parser = new Parser(1, sink);
  socket.on('connect', () => {
    socket.write(`GET /c/${channel}/events HTTP/1.1\r\nHost: ${address.name}\r\nAccept: text/event-stream\r\n\r\n`);
  });
  socket.on('data', (bytes) => parser.feed(0, bytes as Buffer, bytes.length));
  socket.on('error', ({ code, message }: NodeJS.ErrnoException) =>
    tell(code === 'ECONNREFUSED' ? 'nothing listens there; is the server started?' : message),
  );
  socket.on('close', () => tell('it closed the stream'));
  const timer = setTimeout(() => tell(`no first frame within ${ANSWER_MS / 1000} s`), ANSWER_MS);
  try {
    await open;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  return {
    async arrived() {
      const late = setTimeout(
        () =>
          tell(`a change was accepted, and its event has not come within ${ANSWER_MS / 1000} s; is a merger running?`),
        ANSWER_MS,
      );
      await event.finally(() => clearTimeout(late));
    },
    close: () => socket.resetAndDestroy(),
  };
}

function headProblem({ status, contentType }: Head): string | null {
  if (status !== 200) return `GET /c/…/events was answered ${status} where a stream was asked for`;
  if (!/^text\/event-stream\b/i.test(contentType)) {
    return `GET /c/…/events was answered as ${contentType || 'nothing'}, not as text/event-stream`;
  }
  return null;
}

function eventProblem({ bytes, idFrom, idTo, dataFrom, dataTo }: Frame): string | null {
  const data = bytes.toString('latin1', dataFrom, dataTo);
  const id = bytes.toString('latin1', idFrom, idTo);
  if (data !== PROBE_DATA) return `it was sent ${PROBE_DATA} and streams ${data.slice(0, 100)}`;
  // Opaque to clients, but a tester has to see what is missing: it reads the offset off the end.
  if (!/\.[0-9a-z]+$/.test(id))
    return `its ids do not end in a dot and the offset in base 36 (${id}): nothing can be checked`;
  return null;
}

async function postProbe(target: Address, channel: string): Promise<void> {
  const where = `http://${target.name}`;
  const connections = createConnections(target, 1, undefined);
  try {
    const head = `POST /c/${channel} HTTP/1.1\r\nHost: ${target.name}\r\nContent-Length: ${PROBE_DATA.length}\r\n\r\n`;
    const { status, detail } = await new Promise<{ status: number; detail: string }>((resolve) => {
      connections.send({ text: head + PROBE_DATA, done: resolve });
      setTimeout(resolve, ANSWER_MS, { status: 0, detail: `no answer to a POST within ${ANSWER_MS / 1000} s` }).unref();
    });
    if (status === 0)
      throw new BadUse(`${where}: ${detail.includes('ECONNREFUSED') ? 'nothing listens there' : detail}`);
    if (status < 200 || status > 299) throw new BadUse(`${where}: a POST was answered ${status} ${detail}`);
  } finally {
    connections.close();
  }
}
