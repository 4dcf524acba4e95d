const units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/** A number of bytes for people: `999 B`, `1.5 KiB`, `12 MiB`. */
export function formatSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  let value = bytes / 1024;
  let at = 0;
  while (value >= 999.5 && at < units.length - 1) {
    value /= 1024;
    at += 1;
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[at]}`;
}

/** A number with its noun: `1 file`, `2 files`. */
export function countOf(number: number, singular: string, plural = `${singular}s`): string {
  return `${number} ${number === 1 ? singular : plural}`;
}
