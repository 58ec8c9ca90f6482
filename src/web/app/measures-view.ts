/** The measures on the screen, at most once a frame. The spark line is for eyes; its figures stand beside it. */
import { byId } from './elements.ts';
import { bytesText, type Measures, millisecondsText, percentile } from './measures.ts';

const WIDTH = 120;
const HEIGHT = 28;
/** The line is as wide as there is place from so many on. */
const VALUES_MIN = 8;

/** @returns The points of a line through the values, the newest at the right, the largest at the top. */
export function sparkPoints(values: readonly number[]): string {
  const largest = Math.max(...values, 1);
  const step = WIDTH / (Math.max(values.length, VALUES_MIN) - 1);
  const first = WIDTH - (values.length - 1) * step;
  return values
    .map((value, i) => `${(first + i * step).toFixed(1)},${(HEIGHT - 2 - (value / largest) * (HEIGHT - 4)).toFixed(1)}`)
    .join(' ');
}

/** @returns To be called when something was measured. */
export function createMeasuresView(measures: Measures): () => void {
  let isDue = false;

  function draw(): void {
    isDue = false;
    const { trips, up, down } = measures;
    byId('trip-p50').textContent = millisecondsText(percentile(trips, 0.5));
    byId('trip-p95').textContent = millisecondsText(percentile(trips, 0.95));
    byId('spark-line').setAttribute('points', sparkPoints(trips));
    byId('bytes-up').textContent = bytesText(up);
    byId('bytes-down').textContent = bytesText(down);
  }

  return () => {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(draw);
  };
}
