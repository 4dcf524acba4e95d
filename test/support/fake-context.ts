import { PassThrough } from "node:stream";
import { type CommandContext, makeContext } from "../../src/cli/context.js";

/** A command's context at a terminal that a test types at. */
export function fakeContext({ isTTY }: { readonly isTTY: boolean }): {
  readonly context: CommandContext;
  readonly stdin: PassThrough;
  readonly stderr: PassThrough;
} {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  for (const stream of [stdin, stdout, stderr]) Object.assign(stream, { isTTY });
  const edge = {
    ...{ argv: [], env: { NO_COLOR: "1" }, cwd: "/", homedir: "/", platform: "linux", uid: 0, gid: 0 },
    ...{ version: "0", imageHash: "0", packageRoot: "/", execPath: "/", signal: new AbortController().signal },
    ...{ stdin, stdout, stderr },
  };
  return { context: makeContext(edge as unknown as CommandContext["edge"], {}, []), stdin, stderr };
}
