/** How many requests a turn of the event loop begins, and who is next: by itself, and in a server that has thousands of connections. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { createPace, type Paced } from '../../src/http/pace.ts';
import { startHttpApp } from '../support/http-app.ts';
import { waitFor } from '../support/wait.ts';
import { get, RawConnection } from '../weight/sockets.ts';

const BEGUN_PER_TURN = 32;
const BEGUN_WHILE_CONNECTING = 4;

describe('a pace', () => {
  it('begins so many in a turn, the others in the turns after it, each address in turn', async () => {
    const pace = createPace();
    const begun: string[] = [];
    const client = (address: string, name: string): Paced => ({ address, proceed: () => begun.push(name) });
    const entered = Array.from({ length: 100 }, (_, i) => pace.enter(client('many', `many ${i}`)));
    assert.equal(entered.filter(Boolean).length, BEGUN_PER_TURN);
    assert.deepEqual(entered.indexOf(false), BEGUN_PER_TURN);
    for (const i of [0, 1]) assert.equal(pace.enter(client('few', `few ${i}`)), false);
    await nextTurn();
    assert.equal(begun.length, BEGUN_PER_TURN);
    assert.deepEqual(begun.slice(0, 6), ['many 32', 'few 0', 'many 33', 'few 1', 'many 34', 'many 35']);
    for (let turn = 0; turn < 2; turn++) await nextTurn();
    assert.deepEqual(
      begun.filter((name) => name.startsWith('many')),
      Array.from({ length: 100 - BEGUN_PER_TURN }, (_, i) => `many ${BEGUN_PER_TURN + i}`),
    );
    await nextTurn();
    assert.equal(pace.enter(client('many', 'late')), true);
  });

  it('lets nobody past who waits', async () => {
    const pace = createPace();
    const begun: string[] = [];
    pace.wait({ address: 'a', proceed: () => begun.push('first') });
    assert.equal(pace.enter({ address: 'a', proceed: () => begun.push('second') }), false);
    await nextTurn();
    assert.deepEqual(begun, ['first', 'second']);
  });

  it('begins few in a turn while connections come, and as many as ever in the turn after the last', async () => {
    const pace = createPace();
    let begun = 0;
    const one: Paced = { address: 'a', proceed: () => begun++ };
    for (let i = 0; i < 100; i++) pace.wait(one);
    for (let turn = 1; turn <= 3; turn++) {
      pace.connected();
      await nextTurn();
      assert.equal(begun, turn * BEGUN_WHILE_CONNECTING);
    }
    await nextTurn();
    assert.equal(begun, 3 * BEGUN_WHILE_CONNECTING + BEGUN_PER_TURN);
  });

  it('begins few at once in the turn after one in which a connection came, where none wait', async () => {
    const pace = createPace();
    const entered = () =>
      Array.from({ length: BEGUN_PER_TURN }, () => pace.enter({ address: 'a', proceed() {} })).filter(Boolean).length;
    pace.connected();
    await nextTurn();
    assert.equal(entered(), BEGUN_WHILE_CONNECTING);
  });
});

describe('a server to which many connect that ask at once', () => {
  const CONNECTIONS = 300;
  const EACH = 20;
  /** Of a connection whose turn it is: one behind the other. */
  const UNDER_WAY_MAX = 2;

  it('begins few of their requests before it has accepted them all', async () => {
    let begun = 0;
    await using http = await startHttpApp((app: FastifyInstance) => {
      app.get('/many', { config: { right: 'open' } }, () => {
        begun++;
        return 'many';
      });
    });
    let accepted = 0;
    let begunBefore = 0;
    http.app.server.on('connection', () => {
      if (++accepted === CONNECTIONS) begunBefore = begun;
    });
    let answered = 0;
    const many = Array.from({ length: CONNECTIONS }, () => new RawConnection(http.url, { onAnswer: () => answered++ }));
    for (const { socket } of many) socket.write(get('/many').repeat(EACH));
    await waitFor(() => answered === CONNECTIONS * EACH, { timeoutMs: 30_000, what: 'all answers' });
    for (const { socket } of many) socket.destroy();
    // A turn without a connection, since the clients are in this process as well, may begin as many as ever.
    const most = UNDER_WAY_MAX * (CONNECTIONS * BEGUN_WHILE_CONNECTING + 4 * BEGUN_PER_TURN);
    assert.ok(begunBefore <= most, `${begunBefore} of ${begun}`);
  });
});

describe('a server whose connections all ask in the same moment', () => {
  const CONNECTIONS = 600;

  for (const before of ['silent before', 'answered before'] as const) {
    it(`begins few of them in a turn, and answers another address before them; connections ${before}`, async () => {
      let begun = 0;
      await using http = await startHttpApp((app: FastifyInstance) => {
        app.get('/many', { config: { right: 'open' } }, () => {
          begun++;
          return 'many';
        });
        app.get('/one', { config: { right: 'open' } }, () => 'one');
      });
      const answered = { many: 0, one: false, before: 0 };
      const many = Array.from(
        { length: CONNECTIONS },
        () => new RawConnection(http.url, { onAnswer: () => answered.many++ }),
      );
      const one = new RawConnection(http.url, {
        localAddress: '127.0.0.1',
        onAnswer: () => {
          answered.one = true;
          answered.before = begun;
        },
      });
      const all = [...many, one];
      const areOpen = () => all.every(({ socket }) => !socket.connecting);
      await waitFor(areOpen, { timeoutMs: 30_000, what: 'all to be connected' });
      const accepted = () => new Promise((done) => http.app.server.getConnections((_error, count) => done(count)));
      await waitFor(async () => (await accepted()) === all.length, { timeoutMs: 30_000, what: 'all to be accepted' });
      if (before === 'answered before') {
        for (const { socket } of all) socket.write(get('/one'));
        await waitFor(() => answered.many === CONNECTIONS && answered.one, { timeoutMs: 30_000, what: 'all answers' });
        Object.assign(answered, { many: 0, one: false });
      }
      for (const { socket } of many) socket.write(get('/many'));
      one.socket.write(get('/one'));
      let most = 0;
      for (let last = 0; answered.many < CONNECTIONS; last = begun) {
        await nextTurn();
        most = Math.max(most, begun - last);
      }
      for (const { socket } of all) socket.destroy();
      // Twice as many where the end of one turn and the beginning of the next are seen together.
      assert.ok(most <= 2 * BEGUN_PER_TURN, `${most} in a turn`);
      assert.ok(answered.one && answered.before < CONNECTIONS / 2, `${answered.before} were begun before it`);
    });
  }
});
