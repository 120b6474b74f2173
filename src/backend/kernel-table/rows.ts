/**
 * What a row of the kernel table says: the arguments of a function that backends of this machine's memory share, by name, in the order in
 * which they are passed, and what each is.
 *
 * An operand in memory is read, written or updated (read and written). A `?` says that it may be absent, which is address 0. An
 * `accumulator` is float64 there, a `dotProduct` int16, a `product` either of int16 and float32, as the name of the kernel says; `packed`
 * is bits in an order of the kernels' own.
 */
export type Element = "float32" | "int32" | "uint32" | "accumulator" | "dotProduct" | "product" | "packed";
export type Access = "read" | "write" | "update";
export type ArgumentKind = `${Access} ${Element}` | `${Access} ${Element}?` | "window" | "window?" | "whole" | "real";
export type Row = Readonly<Record<string, ArgumentKind>>;
export type Rows = Readonly<Record<string, Row>>;
