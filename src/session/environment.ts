import type { Secret } from "../base/secret.js";

/** Where the session's home layer is mounted. */
export const sandboxHome = "/home/agent";

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Variables with which an image would decide what code our commands load; an image may say where its tools are, not that.
const dangerousNames =
  /^(LD_.*|GCONV_PATH|NODE_OPTIONS|NODE_PATH|BASH_ENV|BASH_FUNC_.*|ENV|PROMPT_COMMAND|PYTHON.*|PERL5?.*|RUBY(OPT|LIB)|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|GIT_.*|MALLOC_.*|IFS|SHELLOPTS|BASHOPTS|AIRLOCK.*)$/i;

interface Environment {
  /** `K=V` of the image. */
  readonly image: readonly string[];
  readonly session: string;
  readonly user: "agent" | "root";
  readonly given: ReadonlyMap<string, Secret>;
  /** The terminal's type, when there is one. */
  readonly term: string | undefined;
  /** Marks every process of one command, so that `init kill` finds them. */
  readonly token: string;
}

/** Everything that a command inside finds in its environment: the image's tools, our few, and what the user gave. */
export function sandboxEnvironment({
  image,
  session,
  user,
  given,
  term,
  token,
}: Environment): Map<string, Secret | string> {
  const result = new Map<string, Secret | string>([["PATH", defaultPath]]);
  for (const entry of image) {
    const at = entry.indexOf("=");
    const name = entry.slice(0, at);
    if (at > 0 && !dangerousNames.test(name)) result.set(name, entry.slice(at + 1));
  }
  result.set("HOME", sandboxHome).set("USER", user).set("LOGNAME", user);
  if (!result.has("LANG")) result.set("LANG", "C.UTF-8");
  if (term !== undefined) result.set("TERM", term);
  result.set("AIRLOCK", "1").set("AIRLOCK_SESSION", session).set("AIRLOCK_EXEC", token);
  for (const [name, value] of given) result.set(name, value);
  return result;
}
