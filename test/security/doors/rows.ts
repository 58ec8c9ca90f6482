/** The tests of the doors, wherever they are asked: directly, or through an edge. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { House } from './house.ts';
import { auth, type Column, changing, columns, type Door, doors, reading, SAID } from './table.ts';

/** @param port Where it is asked; when a test runs. */
export function rows(house: () => House, port: () => number): void {
  const asked = (parts: readonly string[], until?: RegExp) => house().asked(parts, port(), until);
  doorTests(house, port);

  for (const field of ['Authorization: Bearer nonsense\r\n', 'Authorization: Basic YTpi\r\n']) {
    it(`a bare EventSource with ${field.trim()} is told so by a stream that ends`, async () => {
      const answer = await asked(reading('/c/a.1/events', 'Accept: text/event-stream\r\n')('', field), AUTH_FRAME);
      assert.match(answer, /^HTTP\/1\.1 200 /);
      assert.match(answer, /^content-type: text\/event-stream\r$/im);
      assert.match(answer, /retry: \d+\nevent: \$auth/);
      assert.equal(AUTH_FRAME.exec(answer)?.[1], 'invalid');
      assert.match(answer, /^x-auth: 401\r$/im);
    });
  }

  const alice = { publish: ['a.1'], names: ['sensor-1'] };
  for (const segments of [1, 2] as const) {
    for (const [from, status] of [
      ['bob', 403],
      ['alic', 403],
      ['alice2', 403],
      ['ALICE', 403],
      ['alice', 204],
      ['sensor-1', 204],
    ] as const) {
      for (const way of [{}, { inHeader: true }, { asBatch: true }]) {
        it(`a change as ${from} by ${Object.keys(way)[0] ?? 'query'} in ${segments}`, async () => {
          const answer = await asked(changing('POST', from, segments, way)('a.1', auth(alice)));
          assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), answer);
          if (status === 204) house().appended++;
          else assert.match(answer, /"code":"forbidden"/);
        });
      }
    }
  }

  const past = { subscribe: ['a.1', 'b.1'], history: ['b.1'] };
  for (const [path, status, tells] of [
    ['/c/a.1/history', 403, /forbidden/],
    ['/c/b.1/history', 200, /secret/],
    ['/c/a.1/events?since=earliest', 403, /forbidden/],
    ['/c/a.1/events?since=10m', 403, /forbidden/],
    ['/c/a.1/events?limit=5', 403, /forbidden/],
    ['/c/b.1/events?format=json&limit=5', 200, /secret/],
    ['/c/a.1/events?format=json&since=@a.1', 403, /forbidden/],
    ['/c/a.1/events?format=json', 200, /fresh/],
    ['/c/b.1/events?format=json&since=earliest', 200, /secret/],
    ['/c/a.1/events', 200, /fresh/],
    ['/c/a.1/events?since=@a.1', 200, /"status":"reset","lost":null,"reason":"forbidden"/],
    ['/c/b.1/events?since=@b.1', 200, /"status":"resumed"/],
    ['/c/b.1/events?since=@a.1', 200, /"status":"reset"/],
    ['/c/b.1,a.1/events?since=earliest', 403, /forbidden/],
  ] as const) {
    it(`with a list for history, GET ${path}`, async () => {
      const answer = await asked(reading(path)('', auth(past)), status === 200 ? tells : undefined);
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), answer);
      assert.match(answer, tells);
    });
  }

  it('what needs no right needs no credentials, also with bad ones', async () => {
    for (const path of ['/', '/healthz', '/readyz', '/openapi.json']) {
      for (const field of ['', 'Authorization: Bearer nonsense\r\n']) {
        assert.match(await asked(reading(path)('', field)), /^HTTP\/1\.1 200 /, path);
      }
    }
    assert.match(await asked(reading('/nowhere')('', 'Authorization: Bearer nonsense\r\n')), /^HTTP\/1\.1 404 /);
  });
}

function doorTests(house: () => House, port: () => number): void {
  for (const door of doors) {
    for (const column of columns) {
      if (door.withB && column.channel === 'b.1') continue;
      it(`${door.name}: ${column.name}`, () => check(house(), port(), door, column));
    }
  }
}

const AUTH_FRAME = /event: \$auth\ndata: \{"status":"(\w+)"\}\n\n/;

async function check(house: House, port: number, door: Door, column: Column): Promise<void> {
  const { status } = column;
  const isRefusedPolitely = door.polite && status !== 'granted';
  const until = isRefusedPolitely ? AUTH_FRAME : status === 'granted' ? door.tells : undefined;
  const answer = await house.asked(door.parts(column.channel, column.field(door)), port, until);
  if (status === 'granted') {
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${door.granted ?? 200} `), answer);
    if (door.tells) assert.match(answer, door.tells);
    if (door.needs === 'publish') house.appended++;
    return;
  }
  assert.doesNotMatch(answer, new RegExp(SAID));
  if (isRefusedPolitely) {
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.match(answer, /^content-type: text\/event-stream\r$/im);
    assert.match(answer, new RegExp(`^x-auth: ${status}\\r$`, 'im'));
    assert.equal(AUTH_FRAME.exec(answer)?.[1], status === 401 ? 'unauthenticated' : 'forbidden', answer);
    assert.doesNotMatch(answer, /\$sync|^id:/m);
    return;
  }
  assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), answer);
  assert.match(answer, /^content-type: application\/problem\+json\r$/im);
  const challenge =
    status === 401 ? /^www-authenticate: Bearer\r$/im : /^www-authenticate: Bearer error="insufficient_scope"\r$/im;
  assert.match(answer, challenge, answer);
  assert.match(answer, status === 401 ? /"code":"unauthenticated"/ : /"code":"forbidden"/);
}
