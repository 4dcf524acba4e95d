import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Gives a function that collects what a burst of connections left behind, for a moment in which nobody waits: a process that stays for
 * hours and mostly waits would keep it. Flags that let V8 keep less from the start are the supervisor's; they cost throughput.
 */
export function idleCollector(): () => void {
  setFlagsFromString("--expose-gc");
  let collect: unknown;
  return () => {
    // A context made after the flag has it; most processes never come here.
    collect ??= runInNewContext("gc");
    if (typeof collect === "function") collect();
  };
}
