/**
 * The feed on the screen: at most once a frame, however much has come, and only what is new. Newest on top.
 */
import { byId, element } from './elements.ts';
import { type Feed, type NoteRow, ROWS_MAX, type Row } from './feed.ts';
import { hueOf, nameOf } from './names.ts';

/** What follows sooner comes in without a movement: nobody could follow it, and it would cost most of each frame. */
const CALM_MS = 250;

/** What is longer has a line of its own, below who sent it. */
const BESIDE_MAX = 8;

const time = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

function elementOf(row: Row): HTMLElement {
  if ('note' in row) return element('li', 'note', row.note);
  const line = element('li', row.isOwn ? 'row own' : 'row');
  line.classList.toggle('long', row.text.length > BESIDE_MAX);
  const name = nameOf(row.from);
  const face = element('span', 'face', name[0]!.toUpperCase());
  face.setAttribute('aria-hidden', 'true');
  face.style.setProperty('--hue', String(hueOf(name)));
  const who = element('span', 'who', name);
  if (row.isOwn) who.append(' ', element('span', 'you-mark', 'you'));
  const when = element('time', 'when', row.at === undefined ? '' : time.format(row.at));
  line.append(face, who, element('span', 'what', row.text), when);
  return line;
}

/** @returns To be called when the feed has changed. */
export function createFeedView(feed: () => Feed): () => void {
  const list = byId('rows');
  const empty = byId('empty');
  /** Those on the screen that may still change. */
  const notes = new Map<NoteRow, HTMLElement>();
  let shownKey = 0;
  let drawnMs = 0;
  let isDue = false;

  function draw(): void {
    isDue = false;
    const { rows } = feed();
    // Begun anew: what is shown has no row any more.
    const oldest = rows[0]?.key ?? Number.POSITIVE_INFINITY;
    if (oldest > shownKey) {
      list.replaceChildren();
      notes.clear();
    }
    const fresh = rows.filter(({ key }) => key > shownKey);
    const now = performance.now();
    const moves = fresh.length === 1 && now - drawnMs > CALM_MS;
    drawnMs = now;
    const made = fresh.map((row) => {
      const line = elementOf(row);
      if ('note' in row) notes.set(row, line);
      else if (moves) line.classList.add('fresh');
      return line;
    });
    list.prepend(...made.reverse());
    shownKey = rows.at(-1)?.key ?? shownKey;
    while (list.childElementCount > ROWS_MAX) list.lastElementChild!.remove();
    for (const [row, line] of notes) {
      if (!line.isConnected) notes.delete(row);
      else if (line.textContent !== row.note) line.textContent = row.note;
    }
    empty.hidden = rows.length > 0;
  }

  return () => {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(draw);
  };
}
