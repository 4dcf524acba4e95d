function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= right.length; j += 1) {
      const cost = left[i - 1] === right[j - 1] ? 0 : 1;
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + cost));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}

/** The known key that a mistaken one was most likely meant to be; undefined when none is near. */
export function suggestKey(wrong: string, known: readonly string[]): string | undefined {
  if (wrong.length > 60) return undefined;
  const ranked = known
    .map((key) => ({ key, far: distance(wrong.toLowerCase(), key.toLowerCase()) }))
    .sort((a, b) => a.far - b.far);
  const best = ranked[0];
  return best !== undefined && best.far <= Math.max(2, Math.floor(wrong.length / 3)) ? best.key : undefined;
}
