// As much as git looks at to tell text from binary.
const lookedAt = 8000;

/** Tells whether a content is binary, as git has it: a NUL byte near its beginning. */
export function isBinary(head: Uint8Array | undefined): boolean {
  return head?.subarray(0, lookedAt).includes(0) ?? false;
}

const beginnings: readonly (readonly [string, string])[] = [
  ["7f454c46", "is a program in machine code"],
  ["feedface", "is a program in machine code"],
  ["feedfacf", "is a program in machine code"],
  ["cefaedfe", "is a program in machine code"],
  ["cffaedfe", "is a program in machine code"],
  ["cafebabe", "is a program in machine code, or a class of Java"],
  ["0061736d", "is a program in WebAssembly"],
  ["213c617263683e0a", "is a library in machine code"],
  ["4243c0de", "is a program in LLVM bitcode"],
];
const archives: readonly (readonly [string, string])[] = [
  [".jar", "is a program of Java"],
  [".war", "is a program of Java"],
  [".pyc", "is compiled Python, which runs in place of its source"],
  [".pyd", "is a program in machine code"],
  [".dll", "is a program in machine code"],
  [".exe", "is a program in machine code"],
  [".node", "is a program in machine code"],
  [".so", "is a program in machine code"],
  [".whl", "is a package that Python installs"],
  [".apk", "is a program of Android"],
];

function isWindowsProgram(head: Uint8Array): boolean {
  if (head[0] !== 0x4d || head[1] !== 0x5a || head.length < 64) return false;
  const at = Buffer.from(head.buffer, head.byteOffset, head.byteLength).readUInt32LE(60);
  return head[at] === 0x50 && head[at + 1] === 0x45;
}

/** What is worth knowing of a binary content that cannot be read: that it runs, or that it was text. */
export function binaryReasons(name: string, before: Uint8Array | undefined, after: Uint8Array): string[] {
  const reasons: string[] = [];
  const start = Buffer.from(after.subarray(0, 8)).toString("hex");
  const found = beginnings.find(([magic]) => start.startsWith(magic))?.[1];
  const byName = isBinary(after) ? archives.find(([ending]) => name.endsWith(ending))?.[1] : undefined;
  const program = found ?? (isWindowsProgram(after) ? "is a program of Windows" : byName);
  if (program !== undefined) reasons.push(program);
  if (before !== undefined && before.length > 0 && !isBinary(before) && isBinary(after)) {
    reasons.push("was text and is binary now, so what changed in it cannot be read");
  }
  return reasons;
}
