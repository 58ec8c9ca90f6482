/**
 * What a page of another site can make its visitor's browser do with the cookie of a session, and in which ways each is tried. Directly, and
 * through HAProxy and nginx.
 */
import assert from 'node:assert/strict';
import { ask } from '../../support/ask.ts';

export const APP = 'https://app.example';
export const OWN = 'https://rt.example';
export const EVIL = 'https://evil.example';
export const grant = { publish: ['*'], subscribe: ['*'] };

export interface Row {
  readonly what: string;
  readonly fields: readonly string[];
  /** Whether it is let in. */
  readonly may: boolean;
}

export const site = (word: string) => `Sec-Fetch-Site: ${word}`;
export const from = (origin: string) => `Origin: ${origin}`;

const nearly = [
  'https://APP.example',
  `${APP}:443`,
  `${APP}/`,
  `${APP}.`,
  'http://app.example',
  `${APP}.evil.com`,
  'https://xapp.example',
  `${APP}@evil`,
];

export const rows: readonly Row[] = [
  { what: '1 cross-site', fields: [site('cross-site')], may: false },
  { what: '2 a foreign origin', fields: [from(EVIL)], may: false },
  { what: '2 a foreign origin, cross-site', fields: [from(EVIL), site('cross-site')], may: false },
  { what: '3 same-site and listed', fields: [site('same-site'), from(APP)], may: true },
  { what: '4 same-site and not listed', fields: [site('same-site'), from('https://sibling.example')], may: false },
  { what: '4 same-site without an origin', fields: [site('same-site')], may: false },
  {
    what: '4 same-site and of another port of this host',
    fields: [site('same-site'), from(`${OWN}:8443`)],
    may: false,
  },
  { what: '5 same-origin', fields: [site('same-origin'), from(OWN)], may: true },
  { what: '5 same-origin, as a GET has it', fields: [site('same-origin')], may: true },
  { what: '6 none', fields: [site('none')], may: true },
  { what: '7 neither', fields: [], may: false },
  { what: '7 an older browser, whose origin is our own', fields: [from(OWN)], may: true },
  { what: '7 an older browser, whose origin is listed', fields: [from(APP)], may: true },
  { what: '8 a null origin', fields: [from('null')], may: false },
  { what: '8 a null origin, cross-site', fields: [from('null'), site('cross-site')], may: false },
  ...nearly.map((origin) => ({ what: `9 ${origin}`, fields: [from(origin)], may: false })),
  ...nearly.map((origin) => ({ what: `9 same-site ${origin}`, fields: [from(origin), site('same-site')], may: false })),
  { what: '10 two origins', fields: [from(OWN), from(EVIL)], may: false },
  { what: '10 two origins in one', fields: [from(`${APP}, ${EVIL}`)], may: false },
  { what: '11 an unknown word', fields: [site('our-site')], may: false },
  { what: '11 another case', fields: [site('Same-Origin')], may: false },
  { what: '11 two words', fields: [site('same-origin'), site('cross-site')], may: false },
  { what: '11 an empty word', fields: ['Sec-Fetch-Site:'], may: false },
  { what: '11 our own origin, and cross-site', fields: [from(OWN), site('cross-site')], may: false },
  {
    what: '12 a form',
    fields: [site('cross-site'), from(EVIL), 'Content-Type: text/plain', 'Sec-Fetch-Mode: navigate'],
    may: false,
  },
  { what: '14 an image', fields: [site('cross-site'), 'Sec-Fetch-Mode: no-cors', 'Sec-Fetch-Dest: image'], may: false },
  { what: '21 a beacon of the app', fields: [site('same-site'), from(APP), 'Sec-Fetch-Mode: no-cors'], may: true },
  { what: '21 a beacon of evil', fields: [site('cross-site'), from(EVIL), 'Sec-Fetch-Mode: no-cors'], may: false },
];

export const lines = (fields: readonly string[]) => fields.map((field) => `${field}\r\n`).join('');

/** Changes in one segment and in two, a stream, a poll, the state, the history, and an EventSource. */
export async function everyWay(
  port: number,
  fields: readonly string[],
  channel: string,
): Promise<Record<string, string>> {
  const all = `Host: rt.example\r\n${lines(fields)}`;
  const answers: Record<string, string> = {};
  for (const method of ['POST', 'PUT']) {
    const query = method === 'PUT' ? '?from=alice.n1&seq=1' : '';
    const [head, rest] = [`${method} /c/${channel}${query} HTTP/1.1\r\n${all}`, 'Content-Length: 1\r\n\r\nx'];
    answers[`${method} in one`] = await ask(port, [head + rest]);
    answers[`${method} in two`] = await ask(port, [head, rest]);
  }
  for (const path of ['/events', '/events?format=json', '/state', '/history']) {
    answers[path] = await ask(port, [`GET /c/${channel}${path} HTTP/1.1\r\n${all}Connection: close\r\n\r\n`]);
  }
  const accepting = 'Accept: text/event-stream\r\n';
  answers.EventSource = await ask(port, [`GET /c/${channel}/events HTTP/1.1\r\n${all}${accepting}\r\n`]);
  return answers;
}

/** That each is answered as this row has it, and that no other origin may read it. */
export function checkAnswers({ may }: Row, answers: Readonly<Record<string, string>>): void {
  for (const [way, answer] of Object.entries(answers)) {
    assert.match(answer, may ? /^HTTP\/1\.1 20[04] / : /^HTTP\/1\.1 [34]\d\d /, `${way}: ${answer}`);
    if (!may) assert.match(answer, /"code":"forged_request"/, way);
    const allowed = /^access-control-allow-origin: (.*)\r$/im.exec(answer)?.[1];
    assert.ok(allowed === undefined || allowed === APP, `${way}: ${allowed}`);
    if (allowed !== undefined) assert.match(answer, /^access-control-allow-credentials: true\r$/im, way);
  }
}

/** Row 18, where every origin may ask: none but our own may with a cookie, by any way. */
export async function checkOpenToAll(port: number, cookie: string): Promise<void> {
  for (const [fields, expected] of [
    [[site('cross-site'), from(APP)], /^HTTP\/1\.1 403 /],
    [[site('same-site'), from(APP)], /^HTTP\/1\.1 403 /],
    [[from(APP)], /^HTTP\/1\.1 403 /],
    [[site('same-origin'), from(OWN)], /^HTTP\/1\.1 20[04] /],
  ] as const) {
    const answers = await everyWay(port, [`Cookie: ${cookie}`, ...fields], 'a');
    for (const [way, answer] of Object.entries(answers)) {
      assert.match(answer, expected, `${way} ${fields}`);
      assert.doesNotMatch(answer, /^access-control-allow-credentials/im);
    }
  }
}
