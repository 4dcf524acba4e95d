import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium } from "playwright-core";

// It talks to nobody but the page, and cannot be sandboxed as root in a container of a build.
const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Debian's Chromium (scripts/browser) without a screen, with a profile of its own. */
export async function openBrowser(): Promise<{ readonly context: BrowserContext } & AsyncDisposable> {
  const profile = mkdtempSync(join(tmpdir(), "airlock-browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env["AIRLOCK_TEST_BROWSER"] ?? "/usr/bin/chromium",
    headless: true,
    viewport: { width: 1280, height: 800 },
    args,
  });
  return {
    context,
    async [Symbol.asyncDispose]() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}
