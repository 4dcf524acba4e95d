const kinds: readonly (readonly [type: string, at: number, magic: string])[] = [
  ["image/png", 0, "\x89PNG\r\n\x1a\n"],
  ["image/jpeg", 0, "\xff\xd8\xff"],
  ["image/gif", 0, "GIF87a"],
  ["image/gif", 0, "GIF89a"],
  ["image/webp", 8, "WEBP"],
];

/** The media type of a picture, by its first bytes and not by its name; null when it is none that agents take. */
export function imageType(bytes: Buffer): string | null {
  const found = kinds.find(([, at, magic]) => bytes.toString("latin1", at, at + magic.length) === magic);
  if (found?.[0] === "image/webp" && bytes.toString("latin1", 0, 4) !== "RIFF") return null;
  return found?.[0] ?? null;
}
