/** The folder that `rbnet export --format c` writes: the model, the kernels that are the same for all, and what builds them. */
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeFileAtomic } from "../../atomic-file.js";
import { codeOf, UserError } from "../../errors.js";
import { packageFile } from "../../installed.js";
import type { Model } from "../../runtime/model.js";
import type { MapType } from "./arena.js";
import { commentText } from "./c-text.js";
import { type ModelFiles, modelFiles } from "./model-files.js";

/** The kernels in C, in the package. */
const KERNELS = "integrations/c";

export interface FirmwareOptions {
  readonly maps: MapType;
  /** As a library for the Arduino IDE, else plain files with a CMake target. */
  readonly arduino: boolean;
}

export interface Firmware extends Pick<ModelFiles, "memoryBytes" | "constantBytes"> {
  /** Relative to the folder. */
  readonly files: readonly string[];
}

/** @throws UserError where the folder cannot be written */
export async function writeFirmware(folder: string, model: Model, { maps, arduino }: FirmwareOptions): Promise<Firmware> {
  const { header, source, memoryBytes, constantBytes } = modelFiles(model, maps);
  const kernels = packageFile(KERNELS);
  if (kernels === undefined) throw new UserError(`this installation of rbnet lacks its folder ${KERNELS}; install it again`);
  const kernel = (name: string): Promise<string> => readFile(join(kernels, name), "utf8");
  const code = { "rbnet.h": await kernel("rbnet.h"), "rbnet.c": await kernel("rbnet.c"), "model.h": header, "model.c": source };
  const files: Record<string, string> = arduino ? arduinoLibrary(model, code) : { ...code, "CMakeLists.txt": CMAKE };
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    try {
      await mkdir(dirname(path), { recursive: true });
    } catch (error) {
      throw new UserError(`cannot make the folder ${dirname(path)} (${codeOf(error)}); choose another with --out`, {
        cause: error,
      });
    }
    await writeFileAtomic(path, new TextEncoder().encode(text));
  }
  return { files: Object.keys(files), memoryBytes, constantBytes };
}

const CMAKE = `cmake_minimum_required(VERSION 3.10)
project(rbnet_model C)
add_library(rbnet_model STATIC rbnet.c model.c)
target_include_directories(rbnet_model PUBLIC .)
set_target_properties(rbnet_model PROPERTIES C_STANDARD 99 C_EXTENSIONS OFF)
`;

const SKETCH = `// Classifies a grey image and prints its class: put your camera's pixels in its place.
#include <model.h>

static uint8_t pixels[RBNET_SIZE * RBNET_SIZE * 3];
static float scores[RBNET_CLASSES];

void setup() {
  Serial.begin(115200);
  for (uint8_t &value : pixels) value = 128;
}

void loop() {
  const int best = rbnet_classify(pixels, scores);
  Serial.print(rbnet_class_names[best]);
  Serial.print(' ');
  Serial.println(scores[best]);
  delay(1000);
}
`;

/** https://arduino.github.io/arduino-cli/latest/library-specification/ */
function arduinoLibrary({ network, classes }: Model, code: Readonly<Record<string, string>>): Record<string, string> {
  const properties = [
    "name=rbnet_model",
    "version=1.0.0",
    "author=rbnet",
    "maintainer=rbnet",
    `sentence=${commentText(network.name)}, an image classifier with binary weights`,
    `paragraph=Tells ${classes.length} classes apart. Written by rbnet export.`,
    "category=Data Processing",
    "url=https://github.com",
    "architectures=*",
    "includes=model.h",
  ];
  return {
    "library.properties": `${properties.join("\n")}\n`,
    ...Object.fromEntries(Object.entries(code).map(([name, text]) => [`src/${name}`, text])),
    "examples/Classify/Classify.ino": SKETCH,
  };
}
