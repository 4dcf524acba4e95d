import type { SnapshotMessage } from "../src/cli/web/messages.js";
import { make, part } from "./dom.js";

const timeOf = (iso: string): string => new Date(iso).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

const most = 40;
let shown = "";

/** The snapshots of the session in the order of their times. */
export function showSnapshots(snapshots: readonly SnapshotMessage[]): void {
  const now = JSON.stringify(snapshots);
  if (now === shown) return;
  shown = now;
  part("snapshots-count", HTMLElement).textContent = `Snapshots (${snapshots.length})`;
  // An earlier one is found with airlock snapshots.
  const items = snapshots
    .slice(-most)
    .map(({ id, createdAt, message, reason, files, bytes }) =>
      make(
        "li",
        {},
        make("strong", {}, id),
        " ",
        make("time", { attributes: { datetime: createdAt } }, timeOf(createdAt)),
        make("br"),
        message === "" ? reason : message,
        make("br"),
        make("span", { class: "dim" }, `${files} files, ${bytes} bytes`),
      ),
    );
  part("snapshots", HTMLOListElement).replaceChildren(...items);
}
