import { spawn } from "node:child_process";
import { once } from "node:events";

/**
 * Turns off what the caller's terminal does to output. Node's raw mode is about input only: a line feed would still become
 * a carriage return and a line feed, which moves the cursor of full-screen programs. Ending raw mode restores it.
 */
export async function passOutputThrough(): Promise<void> {
  const child = spawn("stty", ["-opost"], { stdio: ["inherit", "ignore", "ignore"] });
  // Without stty lines look right still; only some full-screen programs do not.
  await once(child, "close").catch(() => undefined);
}
