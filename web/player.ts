import { create } from "asciinema-player";

const longestPauseSeconds = 2;

// This page has no origin: all it ever gets is a recording, from the page around it.
addEventListener("message", ({ source, data }: MessageEvent<unknown>) => {
  if (source !== parent || typeof data !== "string") return;
  document.body.replaceChildren();
  const player = create({ data }, document.body, {
    fit: "both",
    idleTimeLimit: longestPauseSeconds,
    preload: true,
    theme: "asciinema",
    terminalFontFamily: "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace",
  });
  addEventListener("pagehide", () => player.dispose(), { once: true });
});
parent.postMessage("ready", "*");
