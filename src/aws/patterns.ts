const form = /^(?:\*|[a-z0-9-]{1,64}:[A-Za-z0-9*?_]{1,128})$/;

/** Whether a text is `service:Action`, with `*` and `?` in the action as IAM has them, or `*`. */
export const isActionPattern = (text: string): boolean => form.test(text);

/** Whether a pattern fits, without regard to case, as in IAM. Takes at most length × length steps. */
export function matchesAction(pattern: string, action: string): boolean {
  const [wanted, given] = [pattern.toLowerCase(), action.toLowerCase()];
  let [at, from] = [0, 0];
  let star = -1;
  let retry = 0;
  while (at < given.length) {
    const token = wanted[from];
    if (token !== "*" && (token === "?" || token === given[at])) {
      at += 1;
      from += 1;
    } else if (token === "*") {
      star = from;
      retry = at;
      from += 1;
    } else if (star !== -1) {
      from = star + 1;
      retry += 1;
      at = retry;
    } else return false;
  }
  while (wanted[from] === "*") from += 1;
  return from === wanted.length;
}

/** Whether a pattern says what it means: a service, and at least the first letters of an action. `ec2:*` names nothing. */
export const namesActions = (pattern: string): boolean => /^[a-z0-9-]+:[A-Za-z]{3}/.test(pattern);

/** Whether some action fits both patterns. */
export function patternsOverlap(a: string, b: string): boolean {
  const [first, second] = [a.toLowerCase(), b.toLowerCase()];
  // Row by row: which ends of the second pattern can be reached with what the first has read.
  let row = new Array<boolean>(second.length + 1).fill(false);
  row[0] = true;
  for (let j = 0; j < second.length && second[j] === "*"; j += 1) row[j + 1] = true;
  for (const token of first) {
    const next = new Array<boolean>(second.length + 1).fill(false);
    for (let j = 0; j <= second.length; j += 1) {
      const other = second[j - 1];
      const same = j > 0 && (row[j - 1] ?? false) && (token === other || token === "?" || other === "?");
      const starOfFirst = token === "*" && ((row[j] ?? false) || (j > 0 && (next[j - 1] ?? false)));
      const starOfSecond = other === "*" && ((row[j] ?? false) || (next[j - 1] ?? false) || (row[j - 1] ?? false));
      next[j] = same || starOfFirst || starOfSecond;
    }
    row = next;
  }
  return row[second.length] ?? false;
}
