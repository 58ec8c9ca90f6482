/** What is done once at the end of a turn of the event loop, however often it was asked for in it. */

/** @returns Asks for it. */
export function onceATurn(act: () => void): () => void {
  let isDue = false;
  const run = () => {
    isDue = false;
    act();
  };
  return () => {
    if (isDue) return;
    isDue = true;
    setImmediate(run);
  };
}
