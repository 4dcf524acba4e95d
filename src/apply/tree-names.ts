/** The folder that holds a path; "" for what lies at the top. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash === -1 ? "" : path.slice(0, slash);
}

/** The last name of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** The path of a name in a folder. */
export function inFolder(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

/** The folders around a path, from the nearest up. */
export function* ancestorsOf(path: string): Generator<string> {
  for (let at = parentOf(path); at !== ""; at = parentOf(at)) yield at;
}

/** A folder before what it holds, neighbours together; without a copy of either path, since plans are long. */
export function inTreeOrder(left: { readonly path: string }, right: { readonly path: string }): number {
  const [first, second] = [left.path, right.path];
  const length = Math.min(first.length, second.length);
  for (let at = 0; at < length; at += 1) {
    const [one, other] = [first.charCodeAt(at), second.charCodeAt(at)];
    // A slash ends a name, so it comes before everything else.
    if (one !== other) return (one === 0x2f ? 0 : one) - (other === 0x2f ? 0 : other);
  }
  return first.length - second.length;
}
