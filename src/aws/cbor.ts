const major = (type: number, length: number): Buffer => {
  if (length < 24) return Buffer.from([(type << 5) | length]);
  const head = Buffer.alloc(5);
  head[0] = (type << 5) | 26;
  head.writeUInt32BE(length, 1);
  return head;
};

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([major(3, bytes.length), bytes]);
};

/** A map of texts in CBOR, which is all that an error needs. */
export function encodeTexts(values: Readonly<Record<string, string>>): Uint8Array {
  const entries = Object.entries(values);
  return Buffer.concat([major(5, entries.length), ...entries.flatMap(([key, value]) => [text(key), text(value)])]);
}
