/** The app at `/`: what its parts say to each other. The library does the sending and hearing (`line.ts`), this does the showing. */
import { createAnnouncer } from './announcer.ts';
import { createAuto } from './auto.ts';
import { createAutoSwitch } from './auto-switch.ts';
import { watchBattery } from './battery.ts';
import { createByteChoice } from './byte-choice.ts';
import { createCoin } from './coin.ts';
import { byId } from './elements.ts';
import { createIdentity } from './identity.ts';
import { makeInstallable } from './install.ts';
import { openKept } from './kept.ts';
import { createLine } from './line.ts';
import { createMeasures } from './measures.ts';
import { createMeasuresView } from './measures-view.ts';
import { createMemory } from './memory.ts';
import { createMeteredFetch } from './metered-fetch.ts';
import { createMine } from './mine.ts';
import { createRoomField } from './room-field.ts';
import { createRoomView } from './room-view.ts';
import { DEFAULT_ROOM, roomOf } from './rooms.ts';
import { createShare } from './share.ts';
import { createStateView } from './state-view.ts';

const kept = openKept('localStorage');
const identity = createIdentity(kept, (name) => line.rename(name));
const mine = createMine(openKept('sessionStorage'), () => identity.name);
const view = createRoomView({ memory: createMemory(kept), mine, announcer: createAnnouncer() });
const stateView = createStateView(() => line.retry());
let room: string | undefined;

const measures = createMeasures();
const measured = createMeasuresView(measures);
const ask = createMeteredFetch(fetch.bind(globalThis), {
  up(bytes) {
    measures.up += bytes;
    measured();
  },
  down(bytes) {
    measures.down += bytes;
    measured();
  },
  accepted(ms) {
    measures.addTrip(ms);
    measured();
  },
  began: view.began,
});

const line = createLine(identity.name, ask, {
  event: view.take,
  reset: view.reset,
  status(status) {
    view.status(status);
    stateView.show(room === undefined ? { state: 'closed' } : status, line.pending);
  },
  pending(count) {
    coin.setPending(count);
  },
  dropped({ why, problem }) {
    view.note(why === 'full' ? 'Too many wait already: not sent' : `Not sent: ${problem?.detail ?? why}`);
  },
});

const keys = byId<HTMLInputElement>('keys');
keys.checked = kept.read('keys', true);
keys.addEventListener('change', () => kept.write('keys', keys.checked));

let byte = kept.read('byte', 'x');
const coin = createCoin({
  send: line.send,
  hearsKeys: () => keys.checked,
  chosen(text) {
    choose(text);
    bytes.show(text);
  },
});
const bytes = createByteChoice((text) => {
  choose(text);
  coin.choose(text);
});

function choose(text: string): void {
  byte = text;
  kept.write('byte', text);
}

bytes.show(byte);
coin.choose(byte);
const auto = createAuto({ send: () => room !== undefined && line.send(byte), pending: () => line.pending });
createAutoSwitch(auto, kept);
createShare(() => room ?? DEFAULT_ROOM);

function enter(next: string): void {
  if (next === room) return;
  room = next;
  document.title = room === DEFAULT_ROOM ? 'smallchange' : `${room} · smallchange`;
  coin.show(room);
  line.enter(room, view.enter(room));
}

const field = createRoomField(enter);

/** What the address names; a name that no room can have is not entered. */
function follow(): void {
  const named = roomOf(location.hash);
  field.show(named);
  if (named.isRoom) enter(named.text);
  else if (room === undefined) stateView.show({ state: 'closed' }, 0);
}

addEventListener('hashchange', follow);
addEventListener('pagehide', view.save);
document.addEventListener('visibilitychange', () => document.visibilityState === 'hidden' && view.save());
follow();
makeInstallable();
void watchBattery();
