import { fetchBlob } from "./api.js";
import { showFrame } from "./dialogs.js";
import { make, part } from "./dom.js";

let numbers: readonly number[] = [];

/** Offers the session's recordings, where there are any. */
export function offerRecordings(now: readonly number[]): void {
  if (now.length === numbers.length) return;
  numbers = now;
  const select = part("recording", HTMLSelectElement);
  select.replaceChildren(
    ...now.map((number) => make("option", { attributes: { value: String(number) } }, `${number}`)),
  );
  select.value = String(now.at(-1));
  part("recordings", HTMLElement).hidden = now.length === 0;
}

/**
 * Plays the chosen recording. The player has a frame without an origin (see the server): it is handed the recording, and gets at nothing
 * else; what the frame says is only that it is there.
 */
export async function playRecording(): Promise<void> {
  const number = part("recording", HTMLSelectElement).value;
  const cast = await (await fetchBlob(`recording?number=${number}`)).text();
  const frame = make("iframe", {
    class: "player",
    attributes: { sandbox: "allow-scripts", src: "/player.html", title: `Recording ${number}` },
  });
  const hand = ({ source, data }: MessageEvent<unknown>): void => {
    if (source !== frame.contentWindow || data !== "ready") return;
    removeEventListener("message", hand);
    frame.contentWindow?.postMessage(cast, "*");
  };
  addEventListener("message", hand);
  showFrame(`Recording ${number}`, frame, () => removeEventListener("message", hand));
}
