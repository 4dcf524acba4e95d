const form = /^(?:\*|[a-z0-9*?-]{1,64}:[A-Za-z0-9*?_]{1,128})$/;

/** Whether a text is `service:Action`, with `*` and `?` as IAM has them, or `*`. */
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
