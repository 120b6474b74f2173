/** What rank 0 does for all: its result, or its failure, is everybody's, so that all go on together or end together. */
import { messageOf, UserError } from "../errors.js";
import type { Communicator } from "./communicator.js";

type ErrorClass = new (message: string) => Error;

/** Marks the first byte of what is broadcast. */
const [DONE, FAILED] = [0, 1];

/**
 * The bytes that `act` returns on rank 0, where alone it is called.
 *
 * @param kinds classes of errors that the others should see as such, the most special first
 * @throws what `act` throws, on all ranks
 */
export async function leadBytes(
  communicator: Communicator,
  act: () => Promise<Uint8Array>,
  kinds: readonly ErrorClass[] = [UserError],
): Promise<Uint8Array> {
  if (communicator.size === 1) return act();
  let thrown: { readonly error: unknown } | undefined;
  let message: Uint8Array | undefined;
  if (communicator.rank === 0) {
    try {
      message = marked(DONE, await act());
    } catch (error) {
      thrown = { error };
      const failure = { kind: kinds.findIndex((kind) => error instanceof kind), message: messageOf(error) };
      message = marked(FAILED, new TextEncoder().encode(JSON.stringify(failure)));
    }
  }
  const result = await communicator.broadcast(0, message);
  if (thrown !== undefined) throw thrown.error;
  if (result[0] === DONE) return result.slice(1);
  const { kind, message: text } = JSON.parse(new TextDecoder().decode(result.subarray(1))) as { kind: number; message: string };
  throw new (kinds[kind] ?? Error)(text);
}

/** The same for a value that JSON can hold. */
export async function lead<Value>(
  communicator: Communicator,
  act: () => Promise<Value>,
  kinds?: readonly ErrorClass[],
): Promise<Value> {
  if (communicator.size === 1) return act();
  const bytes = await leadBytes(
    communicator,
    async () => new TextEncoder().encode(JSON.stringify({ value: await act() })),
    kinds,
  );
  return (JSON.parse(new TextDecoder().decode(bytes)) as { value: Value }).value;
}

function marked(mark: number, bytes: Uint8Array): Uint8Array {
  const message = new Uint8Array(1 + bytes.length);
  message[0] = mark;
  message.set(bytes, 1);
  return message;
}
