/** The battery, where the browser tells: its level, and what it loses in an hour, from what was seen since it was unplugged. */
import { byId } from './elements.ts';

interface Battery extends EventTarget {
  /** 0 to 1, in steps of a hundredth or more. */
  readonly level: number;
  readonly charging: boolean;
}

export interface Level {
  readonly level: number;
  readonly atMs: number;
}

/** A level is a step: with less than that nobody knows when it began. */
const SEEN_MIN_MS = 300_000;

/** @returns Percent of the battery per hour, or undefined where it is too early to say. */
export function drainOf(first: Level, now: Level): number | undefined {
  const spentMs = now.atMs - first.atMs;
  const lost = first.level - now.level;
  if (spentMs < SEEN_MIN_MS || lost <= 0) return undefined;
  return (lost * 100 * 3_600_000) / spentMs;
}

export async function watchBattery(): Promise<void> {
  const { getBattery } = navigator as { getBattery?: () => Promise<Battery> };
  const battery = await getBattery?.call(navigator).catch(() => undefined);
  if (!battery) return;
  let first: Level | undefined;

  function draw(): void {
    const { level, charging } = battery!;
    const now = { level, atMs: performance.now() };
    if (charging) first = undefined;
    else first ??= now;
    const drain = first && drainOf(first, now);
    byId('battery-level').textContent = `${Math.round(level * 100)} %`;
    const unknown = charging ? 'plugged in' : 'drain: not yet known';
    byId('battery-drain').textContent = drain === undefined ? unknown : `−${drain.toFixed(1)} % per hour`;
    byId('battery').hidden = false;
  }

  battery.addEventListener('levelchange', draw);
  battery.addEventListener('chargingchange', () => {
    first = undefined;
    draw();
  });
  draw();
}
