/**
 * A pattern of channel names in which `*` stands for any characters, matched in time linear in the name.
 *
 * No regular expression: `.*` several times over tries every way to divide the name, which for one of 64 characters and eight `*`
 * is more than a merger has time for.
 */
export function createMatcher(pattern: string): (name: string) => boolean {
  const [first, ...others] = pattern.split('*') as [string, ...string[]];
  const last = others.pop();
  if (last === undefined) return (name) => name === pattern;
  return (name) => {
    const end = name.length - last.length;
    if (first.length > end || !name.startsWith(first) || !name.endsWith(last)) return false;
    // The leftmost place for each part leaves the most for those that follow, so no other has to be tried.
    let at = first.length;
    for (const part of others) {
      const found = name.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return at <= end;
  };
}
