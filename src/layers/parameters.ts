/**
 * Where parameters live: the values of all in one piece of memory, their gradients in another, the running statistics in a third.
 * A layer declares what it learns while its network is built, and holds its part once the whole is known. So one kernel call
 * clears, averages or reads what would take a call a layer, and one updates all parameters of a kind.
 */
import type { Backend } from "../backend/device.js";
import { UPDATE_BLOCK } from "../backend/terms.js";
import { type ElementArrays, type ElementType, elementCount, type Shape, type Tensor } from "../tensor.js";
import type { Initializer } from "./initializer.js";

/**
 * What a parameter is, hence how it is updated: `latent` weights are clipped to [-1, 1] and never decayed; `weight`s are decayed;
 * the rest (biases, normalization, thresholds, activations) is neither.
 */
export type ParameterKind = "latent" | "weight" | "other";

/** In the order in which they lie in memory. */
const KINDS: readonly ParameterKind[] = ["latent", "weight", "other"];

export interface Parameter {
  readonly name: string;
  readonly kind: ParameterKind;
  readonly value: Tensor;
  readonly gradient: Tensor;
}

/** A tensor that is not learned but belongs to the trained state, such as a running mean. */
export interface State {
  readonly name: string;
  readonly value: Tensor;
  /** Forget: the next batch's value takes the place of what earlier ones have left. */
  restart(): void;
  /** Stay: from now on the layer computes with this value, in training too, and no batch changes it. */
  hold(valuesOf: ValuesOf): void;
}

/** The values of a parameter or state, as they were read. */
export type ValuesOf = (declared: Parameter | State) => Float32Array;

/** Where tensors lie, side by side in one piece of memory. */
export interface Layout {
  readonly parts: readonly LayoutPart[];
  readonly elements: number;
}

export interface LayoutPart {
  readonly name: string;
  readonly shape: Shape;
  /** Its first element in the whole. */
  readonly from: number;
}

/** The same places under longer names. */
export function suffixed({ parts, elements }: Layout, suffix: string): Layout {
  return { parts: parts.map((part) => ({ ...part, name: part.name + suffix })), elements };
}

/** One piece of memory with what lies in it. */
export interface NamedMemory<T extends ElementType = "float32"> {
  readonly layout: Layout;
  readonly memory: Tensor<T>;
}

/**
 * Parts start at multiples of 64 elements: whole blocks of an update, and 256 bytes, at which a GPU can bind a part of a buffer. What lies
 * between them starts at 0
 * and stays 0: no gradient is ever added there, and from a value, a gradient and moments of 0 every optimizer moves by 0.
 */
export const PART_ELEMENTS = UPDATE_BLOCK;

/** The parameters of a kind within what is laid out as all are. */
export interface KindRange {
  readonly kind: ParameterKind;
  readonly from: number;
  readonly elements: number;
  readonly parts: readonly LayoutPart[];
}

/** The memory of all that the layers of a network have declared. */
export interface ParameterStore {
  readonly values: NamedMemory;
  /** Laid out as the values are, and so is what an optimizer keeps beside them. */
  readonly gradients: Tensor;
  /** Those that there are. */
  readonly kinds: readonly KindRange[];
  /** Apart from the values, because one kernel reads a gamma and writes a running mean. */
  readonly states: NamedMemory;
}

/** The values by name of all parts that are wanted; those before the first of them in their memory are not read. */
export async function readParts<T extends ElementType>(
  backend: Backend,
  pieces: readonly NamedMemory<T>[],
  isWanted: (part: LayoutPart) => boolean = () => true,
): Promise<ReadonlyMap<string, ElementArrays[T]>> {
  const wanted = pieces.flatMap(({ layout, memory }) => {
    const parts = layout.parts.filter(isWanted);
    const start = Math.min(...parts.map(({ from }) => from));
    return parts.length === 0 ? [] : [{ parts, start, memory: backend.view(memory, [layout.elements - start], start) }];
  });
  const read = await backend.readAll(wanted.map(({ memory }) => memory));
  const found = new Map<string, ElementArrays[T]>();
  for (const [index, { parts, start }] of wanted.entries())
    for (const { name, shape, from } of parts)
      found.set(name, read[index]?.subarray(from - start, from - start + elementCount(shape)) as ElementArrays[T]);
  return found;
}

/** A part by its name, where it lies. */
export function partOf(backend: Backend, pieces: readonly NamedMemory[], wanted: string): Tensor {
  for (const { layout, memory } of pieces) {
    const part = layout.parts.find(({ name }) => name === wanted);
    if (part !== undefined) return backend.view(memory, part.shape, part.from);
  }
  throw new Error(`no memory has a part ${wanted}`);
}

/** Puts values by name in their places; what is not named stays as it is. Returns the names of parts whose number of values is another. */
export async function writeParts(
  backend: Backend,
  { layout, memory }: NamedMemory,
  values: ReadonlyMap<string, Float32Array>,
): Promise<readonly string[]> {
  const whole = Float32Array.from(await backend.read(memory));
  const unfit: string[] = [];
  for (const { name, shape, from } of layout.parts) {
    const own = values.get(name);
    if (own === undefined) continue;
    if (own.length === elementCount(shape)) whole.set(own, from);
    else unfit.push(name);
  }
  backend.write(memory, whole);
  return unfit;
}

/** What layers declare to while a network is built. */
export class Declarations {
  private readonly parameters: Declared[] = [];
  private readonly states: Declared[] = [];

  constructor(readonly initializer: Initializer) {}

  /** `values`: initial ones, in the shape's order. The parameter has memory once `allocate` was called. */
  parameter(name: string, kind: ParameterKind, shape: Shape, values: Float32Array): Parameter {
    const declared = new Declared(name, kind, shape, values);
    this.parameters.push(declared);
    return declared;
  }

  state(name: string, values: Float32Array, changes: Pick<State, "restart" | "hold">): State {
    const declared = new Declared(name, "other", [values.length], values);
    this.states.push(declared);
    return {
      name,
      ...changes,
      get value() {
        return declared.value;
      },
    };
  }

  /** Gives memory to all that was declared. */
  allocate(backend: Backend): ParameterStore {
    const kinds: KindRange[] = [];
    const ordered: Declared[] = [];
    let elements = 0;
    for (const kind of KINDS) {
      const own = this.parameters.filter((parameter) => parameter.kind === kind);
      if (own.length === 0) continue;
      const { parts, end } = layOut(own, elements);
      kinds.push({ kind, from: elements, elements: end - elements, parts });
      ordered.push(...own);
      elements = end;
    }
    const layout = { parts: kinds.flatMap(({ parts }) => parts), elements };
    const kept = layOut(this.states, 0);
    const stateLayout = { parts: kept.parts, elements: kept.end };
    const values = filled(backend, layout, ordered);
    const gradients = backend.allocate("float32", [elements]);
    const states = filled(backend, stateLayout, this.states);
    for (const [index, declared] of ordered.entries())
      declared.place(backend, layout.parts[index] as LayoutPart, values, gradients);
    for (const [index, state] of this.states.entries()) state.place(backend, stateLayout.parts[index] as LayoutPart, states);
    return { values: { layout, memory: values }, gradients, kinds, states: { layout: stateLayout, memory: states } };
  }
}

/** What has the form of a parameter, where a layer of this kind learns none. */
export function fixedParameter(backend: Backend, name: string, shape: Shape, values: Float32Array): Parameter {
  const value = backend.allocate("float32", shape);
  backend.write(value, values);
  return { name, kind: "other", value, gradient: backend.allocate("float32", shape) };
}

/** A parameter or state, before and after there is memory for it. */
class Declared implements Parameter {
  private places: { readonly value: Tensor; readonly gradient: Tensor | undefined } | undefined;

  constructor(
    readonly name: string,
    readonly kind: ParameterKind,
    readonly shape: Shape,
    /** Initial values. */
    readonly values: Float32Array,
  ) {}

  /** `gradients`: a state has none. */
  place(backend: Backend, { shape, from }: LayoutPart, values: Tensor, gradients?: Tensor): void {
    const gradient = gradients && backend.view(gradients, shape, from);
    this.places = { value: backend.view(values, shape, from), gradient };
  }

  get value(): Tensor {
    return this.given(this.places?.value);
  }

  get gradient(): Tensor {
    return this.given(this.places?.gradient);
  }

  private given(tensor: Tensor | undefined): Tensor {
    if (tensor === undefined) throw new Error(`${this.name} is used before it has memory`);
    return tensor;
  }
}

/** In their order, from `start` on. */
function layOut(declared: readonly Declared[], start: number): { readonly parts: readonly LayoutPart[]; readonly end: number } {
  let end = start;
  const parts = declared.map(({ name, shape }) => {
    const from = end;
    end += Math.ceil(elementCount(shape) / PART_ELEMENTS) * PART_ELEMENTS;
    return { name, shape, from };
  });
  return { parts, end };
}

/** Memory with the initial values. */
function filled(backend: Backend, { parts, elements }: Layout, declared: readonly Declared[]): Tensor {
  const tensor = backend.allocate("float32", [elements]);
  const initial = new Float32Array(elements);
  for (const [index, { values }] of declared.entries()) initial.set(values, (parts[index] as LayoutPart).from);
  backend.write(tensor, initial);
  return tensor;
}
