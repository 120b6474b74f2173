/** A model as C: `model.h` says how it is called and what it takes, `model.c` holds its weights and one call a layer. */
import type { Activation } from "../../runtime/activation.js";
import type { Model } from "../../runtime/model.js";
import { valueShapes } from "../../runtime/operation-shapes.js";
import type { Epilogue, Operation } from "../../runtime/operations.js";
import { geometryOf, type MapShape, spreadOf, type Windows } from "../../runtime/windows.js";
import { type Arena, type MapType, planArena } from "./arena.js";
import { arrayOf, commentText, floatLiteral, stringLiteral, wordLiteral } from "./c-text.js";

export interface ModelFiles {
  readonly header: string;
  readonly source: string;
  /** Of the arena, which is all memory besides a stack of less than a kilobyte. */
  readonly memoryBytes: number;
  /** Of weights and tables; the code comes to it. */
  readonly constantBytes: number;
}

export function modelFiles(model: Model, maps: MapType): ModelFiles {
  const input = { height: model.size, width: model.size, channels: 3 };
  const writer = new SourceWriter(model, planArena(model.operations, input, maps), input);
  const source = writer.source();
  const { constantBytes, arena } = writer;
  return { header: headerOf(model, arena, constantBytes, maps), source, memoryBytes: arena.bytes, constantBytes };
}

function headerOf(model: Model, arena: Arena, constantBytes: number, maps: MapType): string {
  const { network, classes, size, operations } = model;
  const last = operations.at(-1);
  const shapes = valueShapes(operations, { height: size, width: size, channels: 3 });
  const { height, width, channels } = shapes[last?.input ?? 0] as MapShape;
  return `/*
 * ${commentText(network.name)} at width ${network.width}: ${classes.length} classes, images of ${size} x ${size} pixels.
 * Written by \`rbnet export --format c\`.
 *
 * Memory: RBNET_ARENA_BYTES, static (maps in ${maps}), and less than a kilobyte of stack. Flash: RBNET_CONSTANT_BYTES of weights and
 * tables, and the code. Not to be called from two threads at a time: there is one arena.
 */
#ifndef RBNET_MODEL_H
#define RBNET_MODEL_H

#include <stdint.h>

#define RBNET_SIZE ${size}
#define RBNET_CLASSES ${classes.length}
#define RBNET_FEATURES ${height * width * channels}
#define RBNET_ARENA_BYTES ${arena.bytes}
#define RBNET_CONSTANT_BYTES ${constantBytes}

#ifdef __cplusplus
extern "C" {
#endif

/* Names of the classes, in UTF-8, in the order of the scores. */
extern const char *const rbnet_class_names[RBNET_CLASSES];

/*
 * rgb: RBNET_SIZE x RBNET_SIZE pixels, row by row from the top left, red, green and blue of each side by side.
 * scores: receives RBNET_CLASSES numbers from 0 to 1 that add up to 1. Returns the class of the largest.
 */
int rbnet_classify(const uint8_t *rgb, float *scores);

/* The same before softmax: any number each. */
void rbnet_logits(const uint8_t *rgb, float *logits);

/* What the classifier reads: RBNET_FEATURES numbers. */
void rbnet_features(const uint8_t *rgb, float *features);

#ifdef __cplusplus
}
#endif

#endif
`;
}

class SourceWriter {
  constantBytes = 0;
  private readonly shapes: readonly MapShape[];
  private readonly constants: string[] = [];
  private readonly calls: string[] = [];
  private readonly named = new Map<string, string>();

  constructor(
    private readonly model: Model,
    readonly arena: Arena,
    input: MapShape,
  ) {
    this.shapes = valueShapes(model.operations, input);
  }

  source(): string {
    const { model, arena } = this;
    const { operations, size, mean, standardDeviation } = model;
    const table = Array.from({ length: 768 }, (_, i) => {
      const channel = Math.floor(i / 256) as 0 | 1 | 2;
      return Math.fround(((i % 256) / 255 - mean[channel]) / standardDeviation[channel]);
    });
    this.floats("pixel_values", table);
    for (const [index, operation] of operations.entries()) this.write(operation, index);
    const names = model.classes.map((name) => `  ${stringLiteral(name)},`);
    const { floats, halves, bits, row, window, sums, pixel } = arena;
    return `/* Written by \`rbnet export --format c\`; see model.h. */
#include "model.h"

#include "rbnet.h"

const char *const rbnet_class_names[RBNET_CLASSES] = {
${names.join("\n")}
};

/* All memory: maps, whose places are planned so that no two living ones overlap, and what layers use in turn. */
static struct {
  float floats[${floats}];
${halves > 0 ? `  uint16_t halves[${halves}];\n` : ""}  uint32_t bits[${bits}];
  uint32_t row[${row}];
  float window[${window}];
  float sums[${sums}];
  float pixels[2][${pixel}];
} arena;
typedef char rbnet_arena_has_the_size_that_the_header_says[sizeof arena == RBNET_ARENA_BYTES ? 1 : -1];

static const rbnet_work work = {arena.bits, arena.row, arena.window, arena.sums, {arena.pixels[0], arena.pixels[1]}};

${this.constants.join("\n")}
static void run(const uint8_t *rgb) {
  const rbnet_map value0 = {.type = RBNET_BYTES, .height = ${size}, .width = ${size}, .channels = 3, .bytes = rgb, .table = pixel_values};
${this.calls.join("\n")}
}

static void copy(const rbnet_map *map, int32_t count, float *to) {
  int32_t i;
  for (i = 0; i < count; i++) to[i] = map->floats[i];
}

void rbnet_logits(const uint8_t *rgb, float *logits) {
  run(rgb);
  copy(&value${operations.length}, RBNET_CLASSES, logits);
}

int rbnet_classify(const uint8_t *rgb, float *scores) {
  rbnet_logits(rgb, scores);
  return (int)rbnet_softmax(scores, RBNET_CLASSES, scores);
}

${this.features()}`;
  }

  /** Of a network of a single operation they are its input. */
  private features(): string {
    const value = this.model.operations.at(-1)?.input ?? 0;
    const body =
      value === 0
        ? "  int32_t i;\n  for (i = 0; i < RBNET_FEATURES; i++) features[i] = pixel_values[i % 3 * 256 + rgb[i]];\n"
        : `  run(rgb);\n  copy(&value${value}, RBNET_FEATURES, features);\n`;
    return `void rbnet_features(const uint8_t *rgb, float *features) {\n${body}}\n`;
  }

  private floats(name: string, values: ArrayLike<number>): string {
    this.constants.push(arrayOf("float", name, Array.from(values, floatLiteral)));
    this.constantBytes += 4 * values.length;
    return name;
  }

  private write(operation: Operation, index: number): void {
    const name = commentText(operation.name);
    this.constants.push(`/* ${name} */`);
    this.value(index);
    const [kernel, ...words] = this.call(operation, index);
    this.calls.push(
      `  rbnet_${kernel}(${[`&value${operation.input}`, ...words, `&value${index + 1}`, "&work"].join(", ")}); /* ${name} */`,
    );
  }

  /** The kernel, and its arguments between input and result. */
  private call(operation: Operation, index: number): readonly (string | number)[] {
    const its = `layer${index + 1}`;
    const from = this.shapes[operation.input] as MapShape;
    switch (operation.kind) {
      case "averagePool":
        return ["average_pool", operation.size];
      case "maxPool":
        return ["max_pool", this.windows(operation.windows, from)];
      case "repeatChannels":
        return ["repeat_channels", operation.times];
      case "dense": {
        const { activation } = operation;
        const word = activation === undefined ? "RBNET_LINEAR" : activation === "relu" ? "RBNET_RELU" : "RBNET_SIGMOID";
        return ["dense", this.floats(`${its}_weights`, operation.weights), this.floats(`${its}_bias`, operation.bias), word];
      }
      default: {
        const windows = this.windows(operation.windows, from);
        const epilogue = this.epilogue(operation, index, its);
        if (operation.kind === "realConvolution") {
          const weights = this.floats(`${its}_weights`, operation.weights);
          return ["real_convolution", windows, weights, operation.filters, epilogue];
        }
        const threshold = this.floats(`${its}_threshold`, operation.threshold);
        this.constants.push(arrayOf("uint32_t", `${its}_weights`, Array.from(operation.weights, wordLiteral)));
        this.constantBytes += 4 * operation.weights.length;
        return ["binary_convolution", threshold, windows, `${its}_weights`, operation.filters, epilogue];
      }
    }
  }

  private value(index: number): void {
    const { height, width, channels } = this.shapes[index + 1] as MapShape;
    const place = this.arena.places[index];
    const [type, member] = place?.type === "float16" ? ["RBNET_FLOAT16", "halves"] : ["RBNET_FLOAT32", "floats"];
    this.constants.push(
      `static const rbnet_map value${index + 1} = {.type = ${type}, .height = ${height}, .width = ${width}, .channels = ${channels}, ` +
        `.${member} = arena.${member} + ${place?.offset ?? 0}};\n`,
    );
  }

  /** Windows that are the same are written once. */
  private windows(windows: Windows, map: MapShape): string {
    const { kernel, step, rows, columns } = geometryOf(windows, 1, map);
    const origins = [rows, columns].map((list) =>
      this.once(`origins${list.join()}`, (name) => {
        this.constantBytes += 2 * list.length;
        return arrayOf("int16_t", name, Array.from(list, String));
      }),
    );
    const members = [kernel, step, rows.length, columns.length, ...origins].join(", ");
    return `&${this.once(`windows${members}`, (name) => `static const rbnet_windows ${name} = {${members}};\n`)}`;
  }

  private once(key: string, write: (name: string) => string): string {
    const known = this.named.get(key);
    if (known !== undefined) return known;
    const name = `${/^[a-z]+/.exec(key)?.[0] ?? ""}${this.named.size}`;
    this.named.set(key, name);
    this.constants.push(write(name));
    return name;
  }

  private epilogue(
    operation: Operation & { readonly epilogue: Epilogue; readonly windows: Windows },
    index: number,
    its: string,
  ): string {
    const { scale, bias, shortcut, factors, activation, depthToSpace } = operation.epilogue;
    const { channels } = this.shapes[index + 1] as MapShape;
    const members = [
      `.scale = ${this.floats(`${its}_scale`, scale)}`,
      `.bias = ${this.floats(`${its}_bias`, shifted(bias, activation, channels))}`,
    ];
    if (factors !== undefined) members.push(`.factors = &value${factors}`);
    if (shortcut !== undefined) members.push(`.shortcut = &value${shortcut}`);
    if (activation !== undefined) members.push(...this.activation(activation, channels, its));
    if (depthToSpace) {
      const spread = spreadOf(operation.windows, this.shapes[operation.input] as MapShape);
      if (spread === undefined) throw new Error(`${operation.name} lays its filters over windows that cannot be laid back`);
      members.push(`.layout = ${this.windows(spread.windows, { ...spread, channels })}`);
    }
    const text = `const rbnet_epilogue ${its}_epilogue = {\n  ${members.join(",\n  ")},\n};\n`;
    // The input's address is known when it is called.
    if (shortcut === 0 || factors === 0) this.calls.push(`  ${text.trimEnd().replaceAll("\n", "\n  ")}`);
    else this.constants.push(`static ${text}`);
    return `&${its}_epilogue`;
  }

  private activation({ kind, values }: Activation, channels: number, its: string): readonly string[] {
    const names = { relu: {}, prelu: { left: 1 }, rprelu: { left: 1, to: 3 }, balanced: { left: 1, right: 2, to: 3 } }[kind];
    const rows = Object.entries(names).map(([name, row]) => {
      const part = values.subarray(row * channels, (row + 1) * channels);
      return `.${name} = ${this.floats(`${its}_${name}`, part)}`;
    });
    return [".activation = 1", ...rows];
  }
}

/** The bias less what the activation starts from, rounded as the kernels of the runtime do it. */
function shifted(bias: Float32Array, activation: Activation | undefined, channels: number): Float32Array {
  if (activation === undefined) return bias;
  return bias.map((value, n) => value - (activation.values[n % channels] ?? 0));
}
