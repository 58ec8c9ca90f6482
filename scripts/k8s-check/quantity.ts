/** Quantities as Kubernetes writes them: `500m`, `1536Mi`, `2`. */
const factors: Readonly<Record<string, number>> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** In the unit itself: bytes, cores, streams. NaN for anything else. */
export function quantity(text: string | number | undefined): number {
  const [, number, suffix] = /^([0-9.]+)(\D*)$/.exec(String(text ?? '')) ?? [];
  return number === undefined ? Number.NaN : Number(number) * (factors[suffix!] ?? Number.NaN);
}
