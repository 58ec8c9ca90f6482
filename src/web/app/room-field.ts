/** The field in which a room is named. Enter goes there; it sends nothing, and neither does a key that is held down. */
import { isChannel } from '../../domain/channel.ts';
import { byId } from './elements.ts';
import { type Named, ROOM_RULE, roomOf } from './rooms.ts';

export interface RoomField {
  show(named: Named): void;
}

/** @param enter Called with a name that a room may have. */
export function createRoomField(enter: (room: string) => void): RoomField {
  const field = byId<HTMLInputElement>('room');
  const problem = byId('room-problem');

  function tell(isWrong: boolean): void {
    field.setAttribute('aria-invalid', String(isWrong));
    problem.textContent = isWrong ? `${ROOM_RULE} You are still where you were.` : '';
  }

  byId('room-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const room = field.value.trim();
    const isRoom = isChannel(room);
    tell(!isRoom);
    if (!isRoom) return;
    // Away from the field, and to no button: Enter that is held down would press it.
    field.blur();
    if (room !== roomOf(location.hash).text) location.hash = room;
    enter(room);
  });
  field.addEventListener('input', () => {
    if (isChannel(field.value.trim())) tell(false);
  });

  return {
    show({ text, isRoom }) {
      field.value = text;
      tell(!isRoom);
    },
  };
}
