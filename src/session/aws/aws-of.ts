import type { SessionRecord } from "../../model/session.js";
import type { Workbench } from "../workbench.js";

/** What the programs inside find of AWS; for most sessions nothing. */
export async function awsOf(bench: Workbench, record: SessionRecord): Promise<ReadonlyMap<string, string>> {
  if (record.aws === undefined) return new Map();
  const [{ awsEnvironment }, { loadAws }] = await Promise.all([
    import("./aws-environment.js"),
    import("./aws-file.js"),
  ]);
  const file = await loadAws(bench.home, record.id);
  return file === null ? new Map() : awsEnvironment(file);
}
