import { loadSession } from "../../session/store.js";
import type { Workbench } from "../../session/workbench.js";
import type { CommandContext } from "../context.js";
import type { QuestionDeeds } from "./question-dialogue.js";

/** What a person may do at a question, done in the sessions of this state folder. */
export function questionDeeds(context: CommandContext, bench: Workbench): QuestionDeeds {
  return {
    async snapshot(session) {
      const { snapshotSession } = await import("../../session/snapshot.js");
      return (await snapshotSession(bench, session, { message: "before an answer", reason: "request" })).id;
    },
    async diff(session) {
      const record = await loadSession(bench.home, session);
      if (record === null) return;
      const [{ changesOf }, { showDiff }] = await Promise.all([
        import("../../session/changes.js"),
        import("../render/show-diff.js"),
      ]);
      await showDiff(context, bench, record, await changesOf(bench, record));
    },
  };
}
