/** Plots as inline SVG: lines over a linear or logarithmic scale. Colours are classes, so that the page's theme decides. */

export interface Series {
  readonly name: string;
  /** Null where there was nothing. */
  readonly points: readonly (readonly [x: number, y: number | null])[];
}

export interface PlotOptions {
  readonly title: string;
  readonly unit: string;
  readonly xUnit: string;
  readonly isLogarithmic?: boolean;
  readonly isLogarithmicX?: boolean;
  readonly series: readonly Series[];
}

const WIDTH = 640;
const HEIGHT = 240;
const LEFT = 64;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 34;
/** More points than pixels show nothing more. */
const POINTS_MAX = 600;
const GRID_LINES = 5;
/** As many as the page has classes for. */
export const COLOURS = 8;

interface Scale {
  at(value: number): number;
  readonly marks: readonly number[];
}

export function plot({
  title,
  unit,
  xUnit,
  series,
  isLogarithmic = false,
  isLogarithmicX = false,
}: PlotOptions): string {
  const shown = series.map((one) => ({ ...one, points: thinned(one.points) }));
  const all = shown.flatMap(({ points }) => points);
  const ys = all.flatMap(([, y]) => (y === null ? [] : [y]));
  if (ys.length === 0) return '';
  const xs = all.map(([x]) => x);
  const x = scale(xs, LEFT, WIDTH - RIGHT, isLogarithmicX, false);
  const y = scale(ys, HEIGHT - BOTTOM, TOP, isLogarithmic, true);
  const grid = y.marks.map((mark) => {
    const at = y.at(mark).toFixed(1);
    return `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}"/><text x="${LEFT - 6}" y="${at}" class="y">${short(mark)}</text>`;
  });
  const ticks = x.marks.map(
    (mark) => `<text x="${x.at(mark).toFixed(1)}" y="${HEIGHT - BOTTOM + 16}" class="x">${short(mark)}</text>`,
  );
  const lines = shown.map(({ points }, i) => `<path class="s${i % COLOURS}" d="${pathOf(points, x, y)}"/>`);
  const legend = shown.map(({ name }, i) => `<span><i class="b${i % COLOURS}"></i>${escapeText(name)}</span>`).join('');
  return `<figure><figcaption>${escapeText(title)}, ${escapeText(unit)}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeText(title)}">${grid.join('')}${ticks.join('')}${lines.join('')}<text x="${WIDTH - RIGHT}" y="${HEIGHT - 4}" class="unit">${escapeText(xUnit)}</text></svg>
<p class="legend">${legend}</p></figure>`;
}

function pathOf(points: Series['points'], x: Scale, y: Scale): string {
  let path = '';
  let isDown = false;
  for (const [px, py] of points) {
    if (py === null) {
      isDown = false;
      continue;
    }
    path += `${isDown ? 'L' : 'M'}${x.at(px).toFixed(1)} ${y.at(py).toFixed(1)}`;
    // A point alone is a line of no length, drawn with round ends.
    if (!isDown) path += 'h0';
    isDown = true;
  }
  return path;
}

/** @param fromZero A linear scale begins at 0: half of the height is half of the value. */
function scale(values: readonly number[], from: number, to: number, isLog: boolean, fromZero: boolean): Scale {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  if (isLog) {
    const low = Math.floor(Math.log10(Math.max(0.01, min)));
    const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(0.01, max))));
    const at = (value: number) => from + ((Math.log10(Math.max(0.01, value)) - low) / (high - low)) * (to - from);
    return { at, marks: Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)) };
  }
  const low = fromZero ? 0 : min;
  const step = niceStep((max - low || 1) / GRID_LINES);
  const high = fromZero ? Math.max(step, Math.ceil(max / step) * step) : Math.max(max, low + 1);
  const marks: number[] = [];
  for (let mark = Math.ceil(low / step) * step; mark <= high + step / 1000; mark += step) marks.push(mark);
  return { at: (value) => from + ((value - low) / (high - low)) * (to - from), marks };
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough)!;
}

/** Of each run of points that would share a pixel, the one with the highest value: peaks are what one looks for. */
function thinned(points: Series['points']): Series['points'] {
  if (points.length <= POINTS_MAX) return points;
  const each = Math.ceil(points.length / POINTS_MAX);
  return Array.from({ length: Math.ceil(points.length / each) }, (_, i) =>
    points.slice(i * each, (i + 1) * each).reduce((best, point) => ((point[1] ?? -1) > (best[1] ?? -1) ? point : best)),
  );
}

function short(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (value >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`;
  return String(Number(value.toPrecision(3)));
}

export function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
