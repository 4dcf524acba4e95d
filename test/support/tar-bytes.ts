/** One entry of a tar: a folder when its path ends in `/`, a symlink when it has a target, else a file. */
interface TarEntry {
  readonly path: string;
  readonly mode: number;
  readonly content?: string | Uint8Array;
  readonly target?: string;
}

/** A ustar archive in memory. */
export function writeTar(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap((entry) => {
    const content = Buffer.from(entry.content ?? "");
    return [header(entry, content.length), content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function header({ path, mode, target }: TarEntry, size: number): Buffer {
  const block = Buffer.alloc(512);
  const type = target !== undefined ? "2" : path.endsWith("/") ? "5" : "0";
  block.write(path, 0, 100);
  block.write(`${mode.toString(8).padStart(7, "0")}\0`, 100);
  block.write("0000000\0", 108);
  block.write("0000000\0", 116);
  block.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  block.write("00000000000\0", 136);
  block.write("        ", 148);
  block.write(type, 156);
  block.write(target ?? "", 157, 100);
  block.write("ustar\x0000", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}
