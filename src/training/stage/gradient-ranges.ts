/**
 * Which stretches of the gradients' memory are complete when the backward pass has come to a layer, so that they can travel while it goes
 * on.
 */
import type { ParameterStore } from "../../layers/parameters.js";

/** Elements from `from` to `end` - 1. */
export interface Range {
  readonly from: number;
  readonly end: number;
}

/** Less is not worth a message of its own, and goes with the rest. */
const WORTH_SENDING = 1 << 15;

export class GradientRanges {
  /** By layer. */
  private readonly layers: readonly (readonly Range[])[];
  private sent: Range[] = [];
  private waiting: readonly Range[] = [];

  /** @param elements of all that travels: the gradients, and what lies behind them */
  constructor(
    store: ParameterStore,
    layers: readonly { readonly parameters: readonly { readonly name: string }[] }[],
    private readonly elements: number,
  ) {
    const { parts, elements: gradients } = store.values.layout;
    // A part goes up to the next one, with the zeros between them.
    const extents = new Map(
      parts.map(({ name, from }, index) => [name, { from, end: parts[index + 1]?.from ?? gradients }] as const),
    );
    this.layers = layers.map(({ parameters }) => parameters.flatMap(({ name }) => extents.get(name) ?? []));
  }

  /** What is to travel now that the gradients of a layer are complete: stretches that are worth it. */
  after(layer: number): readonly Range[] {
    const joined = join([...this.waiting, ...this.layers[layer]]);
    const ready = joined.filter(({ from, end }) => end - from >= WORTH_SENDING);
    this.waiting = joined.filter((range) => !ready.includes(range));
    this.sent.push(...ready);
    return ready;
  }

  /** All that has not travelled; the next backward pass begins anew. */
  rest(): readonly Range[] {
    const rest: Range[] = [];
    let from = 0;
    for (const range of [...join(this.sent), { from: this.elements, end: this.elements }]) {
      if (range.from > from) rest.push({ from, end: range.from });
      from = range.end;
    }
    this.sent = [];
    this.waiting = [];
    return rest;
  }
}

/** In their order, neighbours as one. */
function join(ranges: readonly Range[]): readonly Range[] {
  const joined: Range[] = [];
  for (const range of [...ranges].sort((one, other) => one.from - other.from)) {
    const last = joined.at(-1);
    if (last?.end === range.from) joined[joined.length - 1] = { from: last.from, end: range.end };
    else joined.push(range);
  }
  return joined;
}
