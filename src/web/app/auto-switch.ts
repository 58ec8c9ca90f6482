/** The switch "send by itself", and how often. It is off after a reload: nobody should find out later that a page has been sending. */
import type { Auto } from './auto.ts';
import { byId } from './elements.ts';
import type { Kept } from './kept.ts';

export function createAutoSwitch(auto: Auto, kept: Kept): void {
  const isOn = byId<HTMLInputElement>('auto');
  const mean = byId<HTMLSelectElement>('auto-mean');
  mean.value = kept.read('mean', mean.value);

  function changed(): void {
    kept.write('mean', mean.value);
    if (isOn.checked) auto.start(Number(mean.value) * 1_000);
    else auto.stop();
  }

  isOn.addEventListener('change', changed);
  mean.addEventListener('change', changed);
}
