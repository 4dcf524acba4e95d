import type { ChangeKind, EntryState, Risk } from "../../../src/model/change.js";
import { assessRisk, type RiskInput } from "../../../src/risk/assess.js";
import { parseYaml } from "../../../src/risk/parse-yaml.js";

/** The risk of a file whose content was one text and is another; `before` null: there was none. */
export function riskBetween(path: string, before: string | null, after: string, more: Partial<RiskInput> = {}): Risk {
  const state = (text: string): EntryState => ({ type: "file", mode: 0o644, size: Buffer.byteLength(text) });
  const kind: ChangeKind = before === null ? "added" : "modified";
  return assessRisk({
    path,
    kind,
    before: before === null ? null : state(before),
    after: state(after),
    contents: {
      ...(before === null ? {} : { before: { bytes: Buffer.from(before) } }),
      after: { bytes: Buffer.from(after) },
    },
    parseYaml,
    ...more,
  });
}
