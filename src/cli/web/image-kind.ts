/** Pictures as browsers show them without running anything: by their first bytes, whatever the name says. */
const kinds: readonly (readonly [type: string, at: number, hex: string])[] = [
  ["image/png", 0, "89504e470d0a1a0a"],
  ["image/jpeg", 0, "ffd8ff"],
  ["image/gif", 0, "474946383761"],
  ["image/gif", 0, "474946383961"],
  ["image/webp", 8, "57454250"],
];

export const largestImage = 8 * 1024 * 1024;

/** The type of a picture; null: it is none. An SVG is a text here, with a diff like any other. */
export function imageKind(bytes: Uint8Array): string | null {
  const head = Buffer.from(bytes.subarray(0, 16)).toString("hex");
  return kinds.find(([, at, hex]) => head.startsWith(hex, 2 * at))?.[0] ?? null;
}

/** Whether a name promises a picture, so that it is worth reading. */
export const isNamedImage = (path: string): boolean => /\.(?:png|jpe?g|gif|webp)$/i.test(path);
