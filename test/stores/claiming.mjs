/** Tries, from a moment on, to take every folder of a list, and says which it has; holds them until it is told to end. */
import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { RunClaim } from "#rbnet/stores/run-claim";

const [list, start] = process.argv.slice(2);
if (list !== "") {
  await setTimeout(Number(start) - Date.now());
  const claims = [];
  for (const folder of readFileSync(list, "utf8").split("\n")) {
    try {
      claims.push(await RunClaim.take(folder));
      console.log(folder);
    } catch (error) {
      if (error.constructor.name !== "FolderTaken") throw error;
    }
  }
  process.on("message", async () => {
    for (const claim of claims) await claim[Symbol.asyncDispose]();
    process.disconnect();
  });
  process.send("tried");
}
