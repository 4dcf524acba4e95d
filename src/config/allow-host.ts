import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { writeFileAtomic } from "../base/atomic-file.js";
import { AirlockError, systemCodeOf } from "../base/errors.js";
import { displayPath } from "../base/escape.js";

/** Adds a host to `network.allow` of the user's own configuration, and leaves everything else in the file as it is, comments too. */
export async function allowHostAlways(path: string, pattern: string): Promise<void> {
  const { isSeq, parseDocument } = await import("yaml");
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (systemCodeOf(error) === "ENOENT") return "";
    throw error;
  });
  const document = parseDocument(text);
  if (document.errors.length > 0) {
    throw new AirlockError(
      "E_CONFIG_INVALID",
      `${displayPath(path)} has a mistake, so ${pattern} was not added to it`,
      {
        hint: "airlock config check shows it",
      },
    );
  }
  const allowed: unknown = document.getIn(["network", "allow"]);
  if (isSeq(allowed) && allowed.items.some((item) => String(item) === pattern)) return;
  if (isSeq(allowed)) document.addIn(["network", "allow"], pattern);
  else document.setIn(["network", "allow"], [pattern]);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFileAtomic(path, document.toString());
}
