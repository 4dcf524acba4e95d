/** `4g`, `512MiB`, `1000000`: bytes, binary multiples; null when it is no size. */
export function parseSize(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim());
  if (match?.[1] === undefined) return null;
  const bytes = Number(match[1]) * 1024 ** "_kmgt".indexOf((match[2] ?? "").toLowerCase() || "_");
  return Number.isSafeInteger(Math.round(bytes)) && bytes >= 1 ? Math.round(bytes) : null;
}

const seconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

// Beyond this a timer of Node's would go off at once.
const longestSeconds = 24 * 86_400;

/** `90`, `30m`, `1h30m`: seconds; null when it is no duration or more than 24 days. */
export function parseDuration(text: string): number | null {
  const trimmed = text.trim().toLowerCase();
  if (/^\d+$/.test(trimmed)) return atMostLongest(Number(trimmed));
  if (!/^(\d+[smhd])+$/.test(trimmed)) return null;
  const total = [...trimmed.matchAll(/(\d+)([smhd])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (seconds[unit ?? ""] ?? 0),
    0,
  );
  return atMostLongest(total);
}

const atMostLongest = (value: number): number | null => (value <= longestSeconds ? value : null);
