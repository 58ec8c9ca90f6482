/** Hashes under way: Node makes them in threads of its own, so no number of turns says that they are done. */
const underWay = new Set<Promise<unknown>>();

const digest = crypto.subtle.digest.bind(crypto.subtle);
crypto.subtle.digest = (...args: Parameters<typeof digest>) => {
  const hash = digest(...args);
  underWay.add(hash);
  const end = () => underWay.delete(hash);
  hash.then(end, end);
  return hash;
};

/** @returns Whether there were any; they are done. */
export async function hashesDone(): Promise<boolean> {
  if (underWay.size === 0) return false;
  await Promise.allSettled(underWay);
  return true;
}
