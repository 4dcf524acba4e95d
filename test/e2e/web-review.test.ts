import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import axe from "axe-core";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openBrowser } from "../support/browser.js";
import { TestBed } from "../support/cli.js";

const numbered = (...replaced: number[]): string =>
  Array.from({ length: 30 }, (_, at) => (replaced.includes(at) ? `new ${at}\n` : `${at}\n`)).join("");

const files = 2_000;
const recorded = "recorded <img src=x onerror=hacked=1>";
const hostile = "<img src=x onerror=hacked=1>";
// One pixel.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
const script = `
mkdir many; i=0; while [ $i -lt ${files} ]; do echo $i > many/f$i.txt; i=$((i+1)); done
sed -i -e 's/^3$/new 3/' -e 's/^20$/new 20/' numbers.ts
rm src/b.txt
printf 'all:\\n\\ttrue\\n' > Makefile
printf '%s' '${pixel}' | base64 -d > pixel.png
printf '<script>hacked=1</script><img src=x onerror=hacked=1>\\n\\033]0;x\\007\\342\\200\\256evil\\n' > '${hostile}'
`;

async function addressOf(child: ChildProcess): Promise<string> {
  let problems = "";
  child.stderr?.on("data", (chunk: Buffer) => (problems += chunk.toString()));
  for await (const line of createInterface({ input: child.stdout as Readable })) return line;
  throw new Error(problems);
}

describe("the review in a browser", () => {
  const lab = new TestBed();
  const has = (path: string): boolean => existsSync(join(lab.project, path));
  let browser: Awaited<ReturnType<typeof openBrowser>>;
  let context: BrowserContext;
  let page: Page;
  let server: ChildProcess;
  let address = "";
  const asked: string[] = [];
  const troubles: string[] = [];

  beforeAll(async () => {
    lab.write("numbers.ts", numbered());
    for (const args of [
      ["start", "--name", "web"],
      ["exec", "web", "--", "sh", "-ec", script],
      ["snapshot", "web", "-m", "<b>before</b>"],
    ]) {
      const { code, stderr } = await lab.airlock(args);
      if (code !== 0) throw new Error(stderr);
    }
    const terminal = lab.terminal(["exec", "web", "--", "sh", "-c", `echo '${recorded}'`]);
    expect(await terminal.exit).toBe(0);
    server = lab.spawn(["review", "web", "--web"]);
    address = await addressOf(server);
    browser = await openBrowser();
    ({ context } = browser);
    page = await context.newPage();
    page.on("request", (request) => asked.push(request.url()));
    page.on("pageerror", (error) => troubles.push(error.message));
    page.on("dialog", (dialog) => troubles.push(dialog.message()));
    await page.goto(address);
    await page.getByRole("treeitem").first().waitFor();
  });
  afterAll(async () => {
    server?.kill("SIGINT");
    await browser?.[Symbol.asyncDispose]();
    await lab[Symbol.asyncDispose]();
  });

  const press = async (...keys: string[]): Promise<void> => {
    for (const key of keys) await page.keyboard.press(key);
  };
  const search = async (text: string): Promise<void> => {
    await press("Escape", "/", "Control+a", "Backspace");
    await page.keyboard.type(text);
    await press("Enter");
  };
  /** Goes to a path by the keyboard alone. */
  const goTo = async (path: string): Promise<void> => {
    await search(path);
    await press("g", "j");
    await page.locator("#path", { hasText: path }).waitFor();
  };
  const status = (text: RegExp) => page.getByRole("status").filter({ hasText: text }).waitFor();

  it("shows 2,000 changes as a list of which a screenful is there, deletions and high risk first", async () => {
    expect(await page.locator("#totals").textContent()).toMatch(/^200\d changes, \d+ of high risk/);
    expect(await page.locator(".row").first().textContent()).toContain("Deletions and high risk");
    expect(await page.locator("#tree .row").count()).toBeLessThan(100);
    await press("G");
    await page.waitForFunction("document.querySelector('#tree').scrollTop > 30000");
    expect(await page.locator("#tree .row").count()).toBeLessThan(100);
    expect(new URL(page.url()).hash).toBe("");
  });

  it("has no serious problem by axe, with a diff open and with a dialog open", async () => {
    await goTo("numbers.ts");
    await page.locator("#diff .row").first().waitFor();
    await page.evaluate(axe.source);
    const serious = () =>
      page.evaluate(`axe.run().then(({ violations }) => violations
        .filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id, nodes }) => id + " " + nodes[0].html))`);
    expect(await serious()).toEqual([]);
    await press("?");
    await page.getByRole("dialog").waitFor();
    expect(await serious()).toEqual([]);
    await press("Escape");
    await search("");
  });

  it("stages a hunk, asks for high risk by itself, applies and takes back, by the keyboard alone", async () => {
    await goTo("numbers.ts");
    await page.getByRole("option").filter({ hasText: "new 20" }).waitFor();
    await press("Enter", "]", " ");
    await page.locator("#diff .row[aria-selected=true]").first().waitFor();
    await press("Escape");
    await goTo("Makefile");
    await press(" ", "c");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.type("no build files");
    await press("Enter");
    await status(/noted/);
    await press("a");
    await page.getByRole("dialog").filter({ hasText: "1 change of high risk" }).waitFor();
    await page.getByRole("button", { name: "Write 1 path to the project" }).focus();
    await press("Enter");
    await status(/applied 1, 1 left in the session/);
    expect(readFileSync(join(lab.project, "numbers.ts"), "utf8")).toBe(numbered(20));
    expect(has("Makefile")).toBe(false);
    await page.waitForFunction("!document.querySelector('#undo').disabled");
    await press("u");
    await page.getByRole("button", { name: "Take it back" }).focus();
    await press("Enter");
    await status(/took back/);
    expect(readFileSync(join(lab.project, "numbers.ts"), "utf8")).toBe(numbered());
    expect((await lab.airlock(["feedback", "web"])).stdout.toString()).toContain("- Makefile (added): no build files");
    await search("");
  });

  it("asks what to do where the host changed too, and about what a merge leaves", async () => {
    await goTo("numbers.ts");
    lab.write("numbers.ts", numbered(29));
    await press(" ", "a");
    await page.getByRole("button", { name: "Write 1 path to the project" }).focus();
    await press("Enter");
    // Not what was looked at: nothing is written, and the page shows what is true now.
    await status(/changed/);
    expect(readFileSync(join(lab.project, "numbers.ts"), "utf8")).toBe(numbered(29));
    await page.locator("#reasons", { hasText: "changed on the host too" }).waitFor();
    await press(" ", "a");
    await page.getByRole("dialog").filter({ hasText: "nothing is applied until you decide" }).waitFor();
    expect(await page.getByRole("button", { name: /^Write/ }).isDisabled()).toBe(true);
    await page.getByRole("button", { name: "merge" }).focus();
    await press("Enter");
    await page.getByRole("button", { name: "merge" }).waitFor({ state: "detached" });
    await page.getByRole("button", { name: "take-sandbox" }).focus();
    await press("Enter");
    await page.getByRole("button", { name: "Write 1 path to the project", disabled: false }).focus();
    await press("Enter");
    await status(/applied 1; to take it back/);
    expect(readFileSync(join(lab.project, "numbers.ts"), "utf8")).toBe(numbered(3, 20));
    await search("");
  });

  it("shows both layouts, pictures, snapshots, and what the running session changes meanwhile", async () => {
    await goTo("src/b.txt");
    await press("v");
    await page.locator("#diff .split").first().waitFor();
    await press("v");
    await goTo("pixel.png");
    await page.getByAltText("the picture after").waitFor();
    await page.waitForFunction("document.querySelector('#images img').naturalWidth === 1");
    await page.getByText("Snapshots (2)").click();
    await page.getByText("<b>before</b>").waitFor();
    await page.locator("#tree").focus();
    await search("later");
    expect((await lab.airlock(["exec", "web", "--", "sh", "-c", "echo now > later.txt"])).code).toBe(0);
    await page.getByRole("treeitem").filter({ hasText: "later.txt" }).waitFor();
  });

  it("plays a recording in a frame that gets at nothing else", async () => {
    await page.getByRole("button", { name: "Play" }).click();
    const frame = page.frameLocator("iframe.player");
    await frame.locator(".ap-player").waitFor();
    await frame.locator(".ap-overlay-start").click();
    await frame.locator(".ap-term", { hasText: recorded }).waitFor();
    const player = page.frames().find((each) => each.url().endsWith("/player.html"));
    const reached = `(() => { try { return sessionStorage.length; } catch (error) { return error.name; } })()`;
    expect(await player?.evaluate(reached)).toBe("SecurityError");
    expect(await player?.evaluate("origin + ' ' + typeof hacked")).toBe("null undefined");
    expect(await player?.evaluate("fetch('/api/state').then(() => 'answered', () => 'refused')")).toBe("refused");
    await page.getByRole("button", { name: "Close" }).click();
    await page.locator("iframe.player").waitFor({ state: "detached" });
  });

  it("runs nothing of a hostile name or body, and asks nobody but its own server", async () => {
    await goTo(hostile);
    await page.getByRole("option").filter({ hasText: "<script>hacked=1</script>" }).waitFor();
    expect(await page.locator("#diff").textContent()).toContain("\\u{202e}evil");
    expect(await page.evaluate("typeof hacked")).toBe("undefined");
    expect(await page.locator("img[src=x]").count()).toBe(0);
    expect(troubles).toEqual([]);
    const { origin } = new URL(address);
    expect(asked.filter((url) => !url.startsWith(`${origin}/`) && !url.startsWith(`blob:${origin}/`))).toEqual([]);
  });

  it("says nothing to a page without the token, and ends with Ctrl-C", async () => {
    const stranger = await context.newPage();
    await stranger.goto(new URL(address).origin);
    await stranger.getByRole("status").filter({ hasText: "open the address" }).waitFor();
    expect(await stranger.getByRole("treeitem").count()).toBe(0);
    server.kill("SIGINT");
    expect((await once(server, "exit"))[0]).toBe(130);
    await status(/the review has ended/);
  });
});
