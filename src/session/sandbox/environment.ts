import type { Secret } from "../../base/secret.js";
import { isLoadingVariable } from "../../wall/loading-variables.js";

/** Where the session's home layer is mounted. */
export const sandboxHome = "/home/agent";

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// An image may say where its tools are, not what our commands load, what they do first, or who they are.
const ours = /^(AIRLOCK.*|IFS|PROMPT_COMMAND|SHELLOPTS|BASHOPTS)$/i;

interface Environment {
  /** `K=V` of the image. */
  readonly image: readonly string[];
  readonly session: string;
  readonly user: "agent" | "root";
  readonly given: ReadonlyMap<string, Secret | string>;
  /** The terminal's type, when there is one. */
  readonly term: string | undefined;
  /** Marks every process of one command, so that `init kill` finds them. */
  readonly token: string;
  /** Where a program that wants a proxy finds one. */
  readonly proxy?: string | undefined;
}

/** Everything that a command inside finds in its environment: the image's tools, our few, and what the user gave. */
export function sandboxEnvironment({
  image,
  session,
  user,
  given,
  term,
  token,
  proxy,
}: Environment): Map<string, Secret | string> {
  const result = new Map<string, Secret | string>([["PATH", defaultPath]]);
  for (const entry of image) {
    const at = entry.indexOf("=");
    const name = entry.slice(0, at);
    if (at > 0 && !isLoadingVariable(name) && !ours.test(name)) result.set(name, entry.slice(at + 1));
  }
  result.set("HOME", sandboxHome).set("USER", user).set("LOGNAME", user);
  if (!result.has("LANG")) result.set("LANG", "C.UTF-8");
  if (term !== undefined) result.set("TERM", term);
  result.set("AIRLOCK", "1").set("AIRLOCK_SESSION", session).set("AIRLOCK_EXEC", token);
  if (proxy !== undefined) result.set("AIRLOCK_PROXY", proxy);
  for (const [name, value] of given) result.set(name, value);
  return result;
}
