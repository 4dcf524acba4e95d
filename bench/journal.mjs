// Measures the journal: what an append costs, what it costs beside its wait for the disk, and how long a million lines take to verify.
import { appendFile, mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { Printed } from "./results.mjs";

const printed = new Printed();

const lines = Number(process.argv[2] ?? 1_000_000);
const calls = 500;
const folder = await mkdtemp(join(tmpdir(), "airlock-bench-journal-"));
const entryPoints = ["entry", "write", "verify"].map((name) => `src/journal/${name}.ts`);
await build({
  entryPoints,
  bundle: true,
  splitting: true,
  platform: "node",
  target: "node20",
  format: "esm",
  outdir: folder,
  outExtension: { ".js": ".mjs" },
});
const { formatEntry, makeEntry } = await import(join(folder, "entry.mjs"));
const { writeEvent, writeEvents } = await import(join(folder, "write.mjs"));
const { verifyJournal } = await import(join(folder, "verify.mjs"));

const event = (index) => ({
  kind: "tool.call",
  data: {
    call: `c${index}`,
    caller: "bench",
    tool: "shell",
    arguments: { command: `git log -n ${index}`, folder: "/p" },
    decision: "allow",
  },
});

async function timed(times, action) {
  const started = performance.now();
  for (let index = 0; index < times; index += 1) await action(index);
  return (performance.now() - started) / times;
}

const paths = { journal: join(folder, "s/journal.jsonl"), head: join(folder, "heads/s") };
const one = await timed(calls, (index) => writeEvent(paths, event(index)));
const grouped =
  (await timed(10, () =>
    writeEvents(
      paths,
      Array.from({ length: 50 }, (_, index) => event(index)),
    ),
  )) / 50;
const plain = await open(join(folder, "plain"), "a");
const sync = await timed(calls, async () => {
  await plain.appendFile("x".repeat(300));
  await plain.datasync();
});
await plain.close();

const big = { journal: join(folder, "big.jsonl"), head: join(folder, "big.head") };
let last = null;
for (let at = 0; at < lines; ) {
  let text = "";
  for (const end = Math.min(lines, at + 20_000); at < end; at += 1) {
    last = makeEntry(event(at), last, { at: new Date(0), up: at });
    text += formatEntry(last);
  }
  await appendFile(big.journal, text);
}
await writeFile(big.head, `${last.seq} ${last.hash}\n`);
const started = performance.now();
const verdict = await verifyJournal(big.journal, big.head);
const seconds = (performance.now() - started) / 1000;
if (!verdict.ok || verdict.entries !== lines)
  throw new Error(`the journal does not verify: ${JSON.stringify(verdict)}`);
await rm(folder, { recursive: true });

printed.say(`append, one at a time      ${one.toFixed(3)} ms (write + fdatasync alone: ${sync.toFixed(3)} ms)`);
printed.say(`append, 50 in one group    ${grouped.toFixed(3)} ms an entry`);
printed.say(`verify ${lines} lines  ${seconds.toFixed(2)} s`);
printed.write(
  "Journal",
  "`node bench/journal.mjs`: an append alone, fifty together, a whole verification (under 5 s is promised)",
);
