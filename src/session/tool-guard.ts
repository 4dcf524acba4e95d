import type { TrustSubject } from "../model/tool.js";
import type { TrustDecision } from "../model/trust.js";
import type { ToolGuard } from "./call-tool.js";
import type { Toolbox } from "./toolbox.js";
import type { Workbench } from "./workbench.js";

const isBelow = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

// Looking around the workspace is trusted, and nothing else.
function decideDefault(subject: TrustSubject, workspace: string): TrustDecision {
  const looks = subject.tool === "read" || subject.tool === "glob" || subject.tool === "grep";
  const allowed = looks && subject.paths.every((path) => isBelow(path, workspace));
  return {
    verdict: allowed ? "allow" : "deny",
    rule: "default",
    why: looks ? "only the workspace is trusted to be read" : `${subject.tool} is not trusted`,
    tiers: [],
  };
}

/** What guards the calls of a session: its trust, the people who may be asked, its journal. */
export function toolGuard(bench: Workbench, { session, place }: Pick<Toolbox, "session" | "place">): ToolGuard {
  return {
    decide: async (subject) => decideDefault(subject, place.workspace),
    ask: async () => null,
    record: bench.recorder(session),
  };
}
