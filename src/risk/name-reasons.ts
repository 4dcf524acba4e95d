import { hasDangerousCharacters } from "../base/escape.js";

const bidirectional = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
const invisible = /[\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]|[\ufe00-\ufe0f]|[\u{e0100}-\u{e01ef}]/u;

// Windows opens a device under these names, whatever their ending, and drops what ends a name here.
const reserved =
  /(?:^|\/)(?:con|prn|aux|nul|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3]|conin\$|conout\$)(?:[ .:][^/]*)?(?:\/|$)/i;

/** What is wrong with a path's name itself: names that deceive a reader, a terminal, a shell or another file system. */
export function nameReasons(path: string): { readonly high: readonly string[]; readonly low: readonly string[] } {
  if (/^[A-Za-z0-9_./@+=,-]*$/.test(path) && !/(?:^|\/)-|\.(?:\/|$)/.test(path) && !reserved.test(path)) {
    return { high: [], low: [] };
  }
  const high: string[] = [];
  const low: string[] = [];
  if (/\p{Cc}/u.test(path)) high.push("has control characters in its name");
  if (bidirectional.test(path)) high.push("has characters in its name that change the reading direction");
  else if (invisible.test(path)) high.push("has invisible characters in its name");
  if (/[\udc80-\udcff]/u.test(path)) high.push("has a name that is not valid UTF-8");
  if (high.length === 0 && hasDangerousCharacters(path)) high.push("has unprintable characters in its name");
  if (/(?:^|\/)-/.test(path)) low.push("has a name that programs take for an option");
  if (/(?:^|\/)\s|\s(?:\/|$)/.test(path)) low.push("has a name that begins or ends with a space");
  if (path.includes("\\")) low.push("has a backslash in its name, which divides folders on Windows");
  if (reserved.test(path)) low.push("has a name that Windows keeps for a device");
  if (/[^./][^/]*\.(?:\/|$)/.test(path)) low.push("has a name that ends with a dot, which Windows drops");
  return { high, low };
}
