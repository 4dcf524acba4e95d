import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { type ReportPage, renderReportHtml } from "../../../src/cli/render/report-html.js";
import type { JournalEntry } from "../../../src/journal/entry.js";
import { accountFor } from "../../../src/session/report.js";
import { changeOf } from "./change-of.js";

const entry = (kind: string, data: Record<string, unknown>, second = 0): JournalEntry =>
  ({ at: `2026-11-23T10:00:${String(second).padStart(2, "0")}.000Z`, kind, data }) as JournalEntry;

async function pageOf(entries: readonly JournalEntry[], more: Partial<ReportPage> = {}): Promise<string> {
  async function* each() {
    yield* entries;
  }
  const report = await accountFor(each());
  return renderReportHtml({
    session: "calm-fox-1a2b",
    project: "/home/you/app",
    command: null,
    report,
    changes: [],
    ...more,
  });
}

it("tells the session's entries, its numbers and its changes", async () => {
  const page = await pageOf(
    [
      entry("session.create", { project: "/home/you/app", command: ["npm", "test"] }),
      entry("network.connection", { decision: "denied", name: "evil.example", port: 443, rule: "no rule" }, 30),
      entry("snapshot.create", { id: "s1", files: 3, reason: "request" }, 59),
    ],
    { changes: [changeOf("src/a.ts", { kind: "deleted" })] },
  );
  expect(page).toContain("began over /home/you/app, to run npm test");
  expect(page).toMatch(/<td class="bad">connection to evil\.example:443 denied/);
  expect(page).toContain("0 connected, 1 refused or failed");
  expect(page).toMatch(/<td class="bad">deleted<\/td><td>src\/a\.ts<\/td>/);
  expect(page.match(/<line class="bad"/g)).toHaveLength(1);
});

it("has no script, loads nothing, and its style is the one that its policy names", async () => {
  const page = await pageOf([entry("wall.proved", {})]);
  expect(page).not.toMatch(/<script|<link|<img|\bsrc=|\bhref=|@import|url\(|\son\w+=/);
  const style = /<style>([\s\S]*)<\/style>/.exec(page)?.[1] ?? "";
  const hash = createHash("sha256").update(style).digest("base64");
  expect(page).toContain(
    `content="default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'"`,
  );
});

it("shows whatever a sandbox says as text", async () => {
  const tags = (page: string): number => page.match(/</g)?.length ?? 0;
  const hostile = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      "<script>alert(1)</script>",
      `"><img src=x onerror=alert(1)>`,
      "</style><script>",
      "\u202e\u001b]52;c;x\u0007",
    ),
  );
  const make = (text: string): Promise<string> =>
    pageOf(
      [
        entry("command.start", { command: [text] }),
        entry("network.connection", { decision: text, name: text, port: 1 }),
      ],
      {
        session: text,
        project: text,
        command: text,
        changes: [changeOf(text === "" ? "x" : text)],
      },
    );
  const plain = tags(await make("plain"));
  await fc.assert(
    fc.asyncProperty(hostile, async (text) => {
      const page = await make(text);
      expect(tags(page)).toBe(plain);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be there.
      expect(page).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
    }),
  );
});

it("keeps both ends of a long session, and says what is left out", async () => {
  const entries = Array.from({ length: 5_000 }, (_, number) => entry("command.end", { exitCode: number }));
  const page = await pageOf(entries);
  expect(page).toContain("1000 entries in between are left out");
  expect(page).toContain("a command ended with 0<");
  expect(page).toContain("a command ended with 4999<");
});
