/** A state that reflects all that was accepted before it was asked for (P45). */
import assert from 'node:assert/strict';
import { assertProblem, type Kit, newChannel } from './kit.ts';

export function freshTests(kit: Kit): void {
  const { it } = kit;

  const publish = async (channel: string, from: string, seq: number, body: string) => {
    assert.equal((await kit.post(channel, body, { from, seq })).status, 204);
  };

  it('P45: with fresh=1 the state has all that was answered before, whoever sent it', async () => {
    const channel = newChannel('tally');
    const CLIENTS = 12;
    const ROUNDS = 15;
    let answered = 0;
    const client = async (name: string) => {
      for (let round = 1; round <= ROUNDS; round++) {
        await publish(channel, `${name}.1`, round, name);
        const before = ++answered;
        const { state } = await kit.state(channel, '?fresh=1');
        assert.ok(Number(state[name]) >= round, `${name} has sent ${round}, the state has ${state[name]}`);
        const all = Object.values(state).reduce((sum, count) => sum + Number(count), 0);
        assert.ok(all >= before, `${before} were answered, the state has ${all}`);
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, (_, i) => client(`client${i}`)));
    const { state } = await kit.state(channel, '?fresh=1');
    assert.equal(
      Object.values(state).reduce((sum, count) => sum + Number(count), 0),
      CLIENTS * ROUNDS,
    );
  });

  it('P45: who reads, adds one and writes loses what others did meanwhile; who sends what is to be added loses nothing', async () => {
    const [naive, ours] = [newChannel('latest'), newChannel('tally')];
    const CLIENTS = 10;
    const ROUNDS = 10;
    await publish(naive, 'count.first', 1, '0');
    const client = async (_: unknown, nth: number) => {
      for (let round = 1; round <= ROUNDS; round++) {
        const { state } = await kit.state(naive, '?fresh=1');
        await publish(naive, `count.${nth}`, round, String(Number(state.count) + 1));
        await kit.send(ours, 'one');
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    assert.equal((await kit.state(ours, '?fresh=1')).state.one, String(CLIENTS * ROUNDS));
    const { count } = (await kit.state(naive, '?fresh=1')).state;
    assert.ok(Number(count) < CLIENTS * ROUNDS, `all ${count} are there: nobody read what another was about to change`);
  });

  it('P45: fresh=1 knows its ETag, and anything but 1 and 0 is refused', async () => {
    const channel = newChannel('latest');
    await publish(channel, 'ann.1', 1, 'a');
    const path = `/c/${channel}/state`;
    const { headers } = await kit.get(`${path}?fresh=1`);
    const again = await kit.get(`${path}?fresh=1`, { 'if-none-match': headers.etag! });
    assert.equal(again.status, 304);
    await publish(channel, 'ann.1', 2, 'b');
    const moved = await kit.get(`${path}?fresh=1`, { 'if-none-match': headers.etag! });
    assert.equal(moved.status, 200, 'what was accepted since is no longer that state');
    for (const word of ['', '2', 'true']) assertProblem(await kit.get(`${path}?fresh=${word}`), 400, 'bad_parameter');
    assertProblem(await kit.get(`${path}?fresh=1&fresh=1`), 400, 'repeated_parameter');
  });
}
