/** The name one has, kept in this browser, and the form to choose another. */
import { byId } from './elements.ts';
import type { Kept } from './kept.ts';
import { drawName, isName, NAME_RULE } from './names.ts';

export interface Identity {
  readonly name: string;
}

/** @param rename Resolves when the new name is in use. */
export function createIdentity(kept: Kept, rename: (name: string) => Promise<void>): Identity {
  const field = byId<HTMLInputElement>('name');
  const told = byId('name-told');
  let name = kept.read('name', '');
  if (!isName(name)) {
    name = drawName();
    kept.write('name', name);
  }
  field.value = name;

  byId('name-form').addEventListener('submit', async (event) => {
    event.preventDefault();
    const wanted = field.value.trim();
    field.setAttribute('aria-invalid', String(!isName(wanted)));
    if (!isName(wanted)) {
      told.textContent = NAME_RULE;
      return;
    }
    field.blur();
    if (wanted === name) return;
    told.textContent = 'The new name counts once what waits was sent.';
    await rename(wanted);
    name = wanted;
    kept.write('name', name);
    told.textContent = `You are ${name} now.`;
  });

  return {
    get name() {
      return name;
    },
  };
}
