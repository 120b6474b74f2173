/** The camera's pictures, answered as fast as the network goes. */
import { messageOf } from "../errors.js";
import type { Answerer } from "./answerer.js";
import { showBars } from "./bars.js";

/** Between two answers at least: a bar that jumps more often cannot be read. */
const PAUSE_MILLISECONDS = 60;

export function acceptCamera(panel: Element, answerer: Answerer, say: (sentence: string) => void): void {
  const [video, button, bars] = [panel.querySelector("video"), panel.querySelector("button"), panel.querySelector(".bars")];
  if (video === null || button === null || bars === null) throw new Error("the page has no place for the camera");
  let stream: MediaStream | undefined;

  const stop = (): void => {
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = undefined;
    video.srcObject = null;
    bars.replaceChildren();
    button.textContent = "Start the camera";
    panel.classList.remove("live");
  };

  const start = async (): Promise<void> => {
    try {
      if (navigator.mediaDevices === undefined) throw new Error("this browser gives cameras to https: and localhost pages only");
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch (error) {
      say(`The camera cannot be used (${messageOf(error)}); allow it, or choose pictures.`);
      return;
    }
    say("");
    video.srcObject = stream;
    button.textContent = "Stop the camera";
    panel.classList.add("live");
    await video.play();
    while (stream !== undefined) {
      if (video.videoWidth > 0) showBars(bars, await answerer.answer(video));
      await new Promise((done) => setTimeout(done, PAUSE_MILLISECONDS));
    }
    bars.replaceChildren();
  };

  button.addEventListener("click", () => (stream === undefined ? void start() : stop()));
}
