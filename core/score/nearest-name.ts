/**
 * The name that differs least from a name that was not found, for "did you mean"; undefined when each differs in more
 * than a third of the letters. Takes O(names x letters²).
 */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  let nearest: string | undefined;
  let distanceMin = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance({ from: name.toLowerCase(), to: candidate.toLowerCase() });
    if (distance >= distanceMin) continue;
    nearest = candidate;
    distanceMin = distance;
  }
  return nearest;
}

/** How many letters to add, drop or replace: https://en.wikipedia.org/wiki/Levenshtein_distance, one row at a time. */
function editDistance({ from, to }: { from: string; to: string }): number {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 0; row < from.length; row += 1) {
    const current = [row + 1];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = previous[column - 1]! + (from[row] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, previous[column]! + 1, current[column - 1]! + 1));
    }
    previous = current;
  }
  return previous[to.length]!;
}
