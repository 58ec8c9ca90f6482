/** The guards that are switched off once, and the tests that have to see it. */

export interface Mutation {
  /** In this folder, without its ending. */
  readonly patch: string;
  /** The test file that has to see it, and which of its tests. */
  readonly file: string;
  readonly tests?: string;
  /** What is to be read where the guard keeps an error in, and so no assertion comes first. */
  readonly says?: string;
  /** About a second of one core: it is in `npm test`. */
  readonly cheap?: boolean;
}

const ENGINE = 'test/engine/redis.test.ts';
const INTERLEAVINGS = 'test/faults/interleavings.test.ts';
const unit = (name: string) => `test/unit/${name}.test.ts`;

export const mutations: readonly Mutation[] = [
  { patch: 'dedupe-off', file: 'test/faults/merge-once.test.ts', cheap: true },
  { patch: 'token-check-off', file: ENGINE, tests: 'for a token that', cheap: true },
  { patch: 'rev-check-off', file: ENGINE, tests: 'because of its rev|to all but one of those', cheap: true },
  {
    patch: 'reconnect-check-off',
    file: 'test/engine/redis-only.test.ts',
    tests: 'subscribes again after its connection',
  },
  { patch: 'lease-by-clock', file: 'test/engine/redis-clock.test.ts', tests: 'stays with who comes back' },
  { patch: 'age-by-clock', file: 'test/engine/redis-clock.test.ts', tests: 'nothing is forgotten' },
  { patch: 'unvouched-off', file: 'test/engine/redis-vouching.test.ts', tests: 'comes back with less' },
  { patch: 'newer-set-aside', file: 'test/engine/redis-versions.test.ts', tests: 'stops its shard' },
  { patch: 'found-rev-off', file: unit('shard-merge'), tests: 'before the last commit|other epoch', cheap: true },
  { patch: 'body-length-off', file: unit('plain-request') },
  { patch: 'strangers-admitted', file: unit('plain-forgery'), cheap: true },
  { patch: 'hold-back-off', file: unit('shortcut'), tests: 'comes before the answer', cheap: true },
  { patch: 'overlaps-dropped', file: INTERLEAVINGS, cheap: true },
  { patch: 'heard-vouched', file: INTERLEAVINGS },
  { patch: 'attach-awaits', file: INTERLEAVINGS },

  { patch: 'snapshot-made-each-time', file: unit('state-reads'), tests: 'made once$' },
  { patch: 'large-snapshot-made', file: unit('state-reads'), tests: 'made once$' },
  { patch: 'heartbeats-of-now', file: unit('visits'), tests: 'told 100 ms', cheap: true },
  { patch: 'heartbeats-uncapped', file: unit('visits'), tests: 'than proxies allow' },
  { patch: 'held-back-unweighed', file: unit('audience-held-back'), tests: 'ever new names' },
  { patch: 'held-back-past-budget', file: unit('audience-held-back'), tests: 'budget of all is spent' },
  { patch: 'held-back-without-end', file: unit('audience-held-back'), tests: 'cannot be flushed' },
  { patch: 'older-still-accounted', file: unit('pending'), tests: 'accounts for', cheap: true },
  { patch: 'budget-of-all-off', file: unit('audiences'), cheap: true },
  { patch: 'chunks-unbounded', file: unit('audience-slices'), tests: 'large changes are several' },
  { patch: 'chunks-ahead-unbounded', file: unit('audience-passes'), tests: 'so much is made' },
  { patch: 'turns-without-end', file: unit('turns'), cheap: true },
  { patch: 'entered-while-resting', file: unit('turns') },
  { patch: 'soon-without-end', file: unit('soon'), cheap: true },
  { patch: 'no-rest', file: unit('soon') },
  { patch: 'each-at-once', file: unit('each-in-turn') },
  { patch: 'empty-channel-stays', file: unit('audience-slices'), tests: 'first event' },
  {
    patch: 'flush-error-escapes',
    file: unit('audience-errors'),
    tests: 'format that throws',
    says: 'Invalid string length',
    cheap: true,
  },
  { patch: 'pass-error-escapes', file: unit('audience-errors'), tests: 'middle of a pass' },
  { patch: 'advance-error-escapes', file: unit('audience-errors'), tests: 'cannot take' },
  { patch: 'stream-error-escapes', file: unit('stream-failures'), says: 'a bug' },
  { patch: 'polls-uncounted', file: unit('polls'), tests: 'counts waiting' },
  { patch: 'brief-polls-unlimited', file: unit('polls'), tests: 'so many polls' },
  { patch: 'polls-outlive-connection', file: unit('polls'), tests: 'whose turn on it' },
  { patch: 'away-store-trusted', file: unit('hubs'), tests: 'known to be away' },
  { patch: 'idle-hubs-unlimited', file: unit('hubs'), tests: 'so many are kept' },
  { patch: 'passing-hubs-kept', file: unit('hubs'), tests: 'only looked at goes' },
  { patch: 'pages-unweighed', file: unit('hub-weight'), tests: '12 × 1024' },
  { patch: 'pages-in-one-turn', file: unit('hub-weight'), tests: '60 × 64' },
  { patch: 'ring-budget-in-vain', file: unit('hub-weight'), tests: 'is not tried' },
  { patch: 'field-costs-nothing', file: unit('domain-state'), cheap: true },
  { patch: 'known-emptied', file: unit('known'), tests: 'used least lately', cheap: true },
  { patch: 'known-given-up-in-use', file: unit('known'), tests: 'needs stays' },
  { patch: 'sweep-empties-known', file: unit('shard-merge'), tests: 'after a sweep', cheap: true },
  { patch: 'requests-all-at-once', file: unit('connection-weight'), tests: 'two at a time' },
  { patch: 'requests-all-parsed', file: unit('connection-weight'), tests: 'two at a time' },
  { patch: 'runs-behind-unsent', file: unit('connection-weight'), tests: 'while most of it' },
  { patch: 'pipelined-outlive-client', file: unit('connection-weight'), tests: 'gone with their client' },
  { patch: 'unread-kept', file: unit('connection-weight'), tests: 'closed after STREAM_STALL' },
  { patch: 'answers-unbounded', file: unit('json-answers'), tests: 'refused at 128', cheap: true },
  { patch: 'answers-never-short', file: unit('json-answers'), tests: 'short while' },
  { patch: 'streams-begin-at-once', file: unit('same-answer'), tests: 'streams opened a few' },
  { patch: 'states-sent-at-once', file: unit('same-answer'), tests: 'get the state a few' },
  { patch: 'query-by-fastify', file: unit('http-server'), tests: 'QUERY', cheap: true },
  { patch: 'nosniff-off', file: unit('state-reads'), tests: 'told as data' },
  { patch: 'patterns-backtrack', file: unit('reducer-patterns'), tests: 'nearly matches' },
  { patch: 'window-walked', file: unit('window'), tests: 'of 100,000' },
];
