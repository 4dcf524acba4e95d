/** The few forms of ASN.1, in DER, that a certificate is made of. */
const node = (tag: number, ...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const hex = body.length.toString(16);
  const length = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, body]);
};

export const sequence = (...parts: readonly Buffer[]): Buffer => node(0x30, ...parts);
export const set = (...parts: readonly Buffer[]): Buffer => node(0x31, ...parts);
export const octets = (bytes: Buffer): Buffer => node(0x04, bytes);
export const utf8 = (text: string): Buffer => node(0x0c, Buffer.from(text));
export const truth = (): Buffer => node(0x01, Buffer.from([0xff]));
export const bits = (bytes: Buffer, unused = 0): Buffer => node(0x03, Buffer.from([unused]), bytes);
/** `[number]` around other values. */
export const explicit = (number: number, part: Buffer): Buffer => node(0xa0 | number, part);
/** `[number]` in the place of a plain value's own tag. */
export const implicit = (number: number, bytes: Buffer): Buffer => node(0x80 | number, bytes);

/** A number that is not negative, given by its bytes. */
export function integer(bytes: Buffer): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const least = first < 0 ? Buffer.from([0]) : bytes.subarray(first);
  return node(0x02, (least[0] ?? 0) >= 0x80 ? Buffer.from([0]) : Buffer.alloc(0), least);
}

/** An object identifier written with dots. */
export function identifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) groups.unshift((left % 128) | 0x80);
    return groups;
  });
  return node(0x06, Buffer.from(bytes));
}

/** A moment as certificates have it: two digits of the year until 2049, four from then on. */
export function time(moment: Date): Buffer {
  const text = `${moment.toISOString().replace(/[-:T]|\.\d+/g, "")}`;
  return moment.getUTCFullYear() < 2050 ? node(0x17, Buffer.from(text.slice(2))) : node(0x18, Buffer.from(text));
}
