/** The checker sees what it is for: of a small sound history every invariant is broken once, by hand, and found. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { check, report } from './checker.ts';
import { base64, type Line } from './history.ts';

type Edit = (lines: Line[]) => void;

/** Two publishers, one channel of three events, a reader that is cut off after the second, its state; all sound. */
function soundHistory(): Line[] {
  const send = (at: number, id: number, from: string, seq: number, text: string): Line => {
    return { t: 'send', at, id, channel: 'latest-x', from, seq, body: base64(text) };
  };
  const sent = (at: number, id: number): Line => ({ t: 'sent', at, id, outcome: 'ok', status: 204 });
  const given = (at: number, connection: number, offset: number, from: string, seq: number, text: string): Line => {
    const cursor = `aaaaaa.${offset.toString(36)}`;
    return { t: 'event', at, reader: 'r', connection, channel: 'latest-x', cursor, from, seq, body: base64(text) };
  };
  const opened = (at: number, connection: number, cursor: string): Line => {
    return { t: 'open', at, reader: 'r', connection, channels: ['latest-x'], cursor };
  };
  const synced = (at: number, connection: number, cursor: string, status: string): Line => {
    return { t: 'told', at, reader: 'r', connection, event: '$sync', cursor, data: { status } };
  };
  const events = [
    { offset: 1, from: 'a.1', seq: 1, body: base64('p') },
    { offset: 2, from: 'b.1', seq: 1, body: base64('q') },
    { offset: 3, from: 'a.1', seq: 2, body: base64('r') },
  ];
  return [
    opened(1, 1, ''),
    synced(2, 1, 'aaaaaa.0', 'fresh'),
    send(10, 1, 'a.1', 1, 'p'),
    sent(11, 1),
    given(12, 1, 1, 'a.1', 1, 'p'),
    send(20, 2, 'b.1', 1, 'q'),
    sent(21, 2),
    given(22, 1, 2, 'b.1', 1, 'q'),
    { t: 'closed', at: 23, reader: 'r', connection: 1, why: 'cut', forEver: false },
    send(30, 3, 'a.1', 2, 'r'),
    sent(31, 3),
    opened(32, 2, 'aaaaaa.2'),
    synced(33, 2, 'aaaaaa.2', 'resumed'),
    given(34, 2, 3, 'a.1', 2, 'r'),
    { t: 'quiet', at: 100 },
    { t: 'log', at: 6_000, channel: 'latest-x', epoch: 'aaaaaa', head: 3, events },
    { t: 'state', at: 6_001, channel: 'latest-x', cursor: 'aaaaaa.3', fields: { a: base64('r'), b: base64('q') } },
  ];
}

const indexOf = (lines: readonly Line[], t: Line['t'], nth = 0) =>
  lines.flatMap((line, i) => (line.t === t ? [i] : []))[nth]!;

/** Replaces fields of the nth line of a kind. */
const change =
  (t: Line['t'], nth: number, fields: object): Edit =>
  (lines) => {
    const i = indexOf(lines, t, nth);
    lines[i] = { ...lines[i]!, ...fields } as Line;
  };

const remove =
  (t: Line['t'], nth: number): Edit =>
  (lines) =>
    void lines.splice(indexOf(lines, t, nth), 1);

const logOf = (lines: readonly Line[]) => lines[indexOf(lines, 'log')] as Line & { t: 'log' };

/** Replaces the events of the final log, and moves its head along. */
const rewrite =
  (edit: (events: (Line & { t: 'log' })['events'][number][]) => void): Edit =>
  (lines) => {
    const events = structuredClone([...logOf(lines).events]);
    edit(events);
    change('log', 0, { events, head: events.at(-1)?.offset ?? 0 })(lines);
  };

const swapLast = rewrite((events) => {
  [events[1], events[2]] = [
    { ...events[2]!, offset: 2 },
    { ...events[1]!, offset: 3 },
  ];
});

const planted: readonly (readonly [string, string, Edit])[] = [
  ['I1', 'an accepted change is missing', rewrite((events) => events.pop())],
  ['I1', 'an accepted change is there twice', rewrite((events) => events.push({ ...events[2]!, offset: 4 }))],
  [
    'I2',
    'an unanswered change is there twice',
    (lines) => {
      change('sent', 2, { outcome: 'unknown', status: 503 })(lines);
      rewrite((events) => events.push({ ...events[2]!, offset: 4 }))(lines);
    },
  ],
  ['I2', 'a refused change was merged', change('sent', 2, { outcome: 'fail', status: 400 })],
  [
    'I3',
    'the log has an event nobody sent',
    rewrite((events) => events.push({ offset: 4, from: 'c.1', seq: 1, body: base64('z') })),
  ],
  [
    'I3',
    'an event has other bytes than its change',
    rewrite((events) => (events[1] = { ...events[1]!, body: 'eA==' })),
  ],
  ['I3', 'a reader was given what nobody sent', change('event', 1, { from: 'c.1' })],
  ['I3', 'a reader was given an event before it was sent', change('event', 0, { at: 9 })],
  ['I4', 'an event is skipped', remove('event', 1)],
  ['I4', 'an event is skipped by a resume that begins too late', change('told', 1, { cursor: 'aaaaaa.3' })],
  ['I4', 'an event comes twice on one connection', (lines) => lines.splice(8, 0, { ...lines[7]! })],
  ['I4', 'a resume is answered fresh', change('told', 1, { data: { status: 'fresh' } })],
  ['I4', 'a reset though nothing was lost', change('told', 1, { data: { status: 'reset' } })],
  ['I4', 'an event before any $sync', remove('told', 0)],
  ['I4', 'another epoch without a reset', change('event', 2, { cursor: 'bbbbbb.3' })],
  ['I4', 'a page is sent away for ever', change('closed', 0, { forEver: true })],
  [
    'I5',
    'a reader was given another event than the log has',
    change('event', 1, { from: 'a.1', seq: 2, body: base64('r') }),
  ],
  ['I5', 'a reader was given an event that the log lacks', rewrite((events) => events.pop())],
  [
    'I6',
    'a later seq has the lower offset',
    rewrite((events) => events.splice(0, 3, ...events.toReversed().map((event, i) => ({ ...event, offset: i + 1 })))),
  ],
  ['I7', 'what was answered before another was sent comes after it', swapLast],
  ['I8', 'the final state is not the fold', change('state', 0, { fields: { a: base64('p'), b: base64('q') } })],
  ['I8', 'the final state lags behind', change('state', 0, { cursor: 'aaaaaa.2' })],
  [
    'I8',
    'a snapshot is not the fold at its cursor',
    (lines) => {
      const data = { channel: 'latest-x', cursor: 'aaaaaa.2', state: { a: 'p', b: 'Q' }, b64: {} };
      lines.splice(9, 0, { t: 'told', at: 22, reader: 'r', connection: 1, event: '$snapshot', cursor: '', data });
    },
  ],
  ['I10', 'a reader never gets the last event', remove('event', 2)],
  ['I10', 'a reader gets the last event too late', change('event', 2, { at: 5_200 })],
];

describe('checker', () => {
  it('finds nothing in a sound history', () => {
    const verdict = check(soundHistory());
    assert.deepEqual(verdict.violations, [], report(verdict));
  });

  for (const [invariant, name, edit] of planted) {
    it(`${invariant}: ${name}`, () => {
      const lines = soundHistory();
      edit(lines);
      const verdict = check(lines);
      const found = verdict.violations.find((violation) => violation.invariant === invariant);
      assert.ok(found, `not found; instead: ${report(verdict)}`);
    });
  }

  it('prints the first violation with what surrounds it', () => {
    const lines = soundHistory();
    rewrite((events) => events.pop())(lines);
    const text = report(check(lines));
    for (const part of ['VIOLATED', 'I1 lost: latest-x a.1 2 "r"', 'neighbour latest-x a.1 1', 'final log latest-x']) {
      assert.ok(text.includes(part), `${part} is not in:\n${text}`);
    }
  });

  it('lets changes go that a rewound Redis may have taken, and only those', () => {
    const lines = soundHistory();
    remove('event', 2)(lines);
    rewrite((events) => events.pop())(lines);
    change('state', 0, { cursor: 'aaaaaa.2', fields: { a: base64('p'), b: base64('q') } })(lines);
    lines.push({ t: 'loss', at: 50, since: 30, until: 40 });
    const verdict = check(lines);
    assert.deepEqual(verdict.violations, [], report(verdict));
    lines[lines.length - 1] = { t: 'loss', at: 50, since: 35, until: 40 };
    assert.equal(check(lines).violations[0]?.invariant, 'I1');
  });

  it('lets a reader be told of commits that another server has made again, and loses no change for it', () => {
    const reset: Edit = change('told', 1, { data: { status: 'reset' } });
    const told = (since: number) => {
      const lines = soundHistory();
      reset(lines);
      lines.push({ t: 'loss', at: 50, since, until: -1 });
      return check(lines).violations.map(({ invariant }) => invariant);
    };
    const { at } = soundHistory()[indexOf(soundHistory(), 'told', 1)]!;
    assert.deepEqual([told(at), told(at + 1)], [[], ['I4']]);
  });

  it('lets a reader go on in another epoch that is told so, if all it was given is in that log', () => {
    /** From the cut on, in the epoch that is there in the end. */
    const renewed = (edits: readonly Edit[] = []) => {
      const lines = soundHistory();
      for (const edit of edits) edit(lines);
      change('told', 1, { cursor: 'bbbbbb.2' })(lines);
      change('event', 2, { cursor: 'bbbbbb.3' })(lines);
      change('log', 0, { epoch: 'bbbbbb' })(lines);
      change('state', 0, { cursor: 'bbbbbb.3' })(lines);
      return lines;
    };
    const loss: Line = { t: 'loss', at: 50, since: 25, until: 26 };
    const found = (lines: Line[]) => check(lines).violations.map(({ what }) => what);
    assert.deepEqual(found([...renewed(), loss]), []);
    // A poll is told in its first event.
    const polled = renewed();
    change('told', 1, { cursor: '' })(polled);
    assert.deepEqual(found([...polled, loss]), []);
    assert.match(found(renewed())[0]!, /without a reset$/, 'nothing was lost');
    const other: Edit = change('event', 1, { body: base64('another') });
    const wrong = found([...renewed([other]), loss]);
    assert.ok(
      wrong.some((what) => /goes on in bbbbbb with b.1 1 "another" at 2/.test(what)),
      wrong.join('; '),
    );
    const late: Edit = change('told', 1, { data: { status: 'fresh' } });
    assert.ok(found([...renewed([late]), loss]).some((what) => /without a reset$/.test(what)));
  });

  it('allows a repeat on the wire directly after a resume', () => {
    const lines = soundHistory();
    const again = lines[7] as Line & { t: 'event' };
    lines.splice(indexOf(lines, 'event', 2), 0, { ...again, connection: 2, at: 33.5 });
    assert.deepEqual(check(lines).violations, []);
  });

  it('knows of a lost epoch of several channels what readers were given in it, and no more', () => {
    const lines = soundHistory();
    const channels = ['latest-x', 'latest-y'];
    const reading = (reader: string, offset: number, seq: number): Line[] => [
      { t: 'send', at: 40, id: 10 + seq, channel: 'latest-y', from: 'c.1', seq, body: base64('s') },
      { t: 'sent', at: 41, id: 10 + seq, outcome: 'unknown', status: 503 },
      { t: 'open', at: 42, reader, connection: 1, channels, cursor: '' },
      { t: 'told', at: 43, reader, connection: 1, event: '$sync', cursor: 'lostlost.0.0', data: { status: 'fresh' } },
      {
        ...{ t: 'event', at: 44, reader, connection: 1, channel: 'latest-y', cursor: `lostlost.0.${offset}` },
        ...{ from: 'c.1', seq, body: base64('s') },
      },
      { t: 'told', at: 51, reader, connection: 1, event: '$sync', cursor: 'lastlast.3.0', data: { status: 'reset' } },
    ];
    // The shard had made two events of other channels, so this one's first is the third.
    lines.push(...reading('m', 3, 1), { t: 'loss', at: 50, since: 0, until: 49 });
    const verdict = check(lines);
    assert.deepEqual(verdict.violations, [], report(verdict));
    lines.push(...reading('n', 2, 2));
    const found = check(lines).violations.map(({ what }) => what);
    assert.equal(found.length, 1, found.join());
    assert.match(found[0]!, /^m on latest-y, .* a skip: 3 after 0$/);
  });
});
