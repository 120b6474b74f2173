/** `--format c`: C99 for microcontrollers and wherever else a C compiler is. */
import { dirname, join } from "node:path";
import { Option } from "commander";
import type { MapType } from "../../deploy/firmware/arena.js";
import { writeFirmware } from "../../deploy/firmware/firmware.js";
import { formatInteger } from "../../quantities.js";
import type { ExportFormat } from "./format.js";

const MAPS = ["float32", "float16"] as const satisfies readonly MapType[];

export const cFormat: ExportFormat = {
  name: "c",
  summary: "a folder of C99 for microcontrollers",
  addFlags(command) {
    command
      .addOption(
        new Option("--maps <type>", "c: how maps lie in memory; float16 takes half of it").choices(MAPS).default("float32"),
      )
      .option("--arduino", "c: as a library for the Arduino IDE");
  },
  async write({ model, source, out }, flags) {
    const maps = flags.maps as MapType;
    const folder = out ?? join(dirname(source), "firmware");
    const { files, memoryBytes, constantBytes } = await writeFirmware(folder, model, { maps, arduino: flags.arduino === true });
    return {
      text:
        `${folder}: ${files.join(", ")}; ${formatInteger(memoryBytes)} bytes of memory (maps in ${maps}), ` +
        `${formatInteger(constantBytes)} bytes of weights and tables in flash, besides the code`,
      facts: { folder, files, maps, memoryBytes, constantBytes },
    };
  },
};
