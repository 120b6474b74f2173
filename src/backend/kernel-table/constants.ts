/**
 * What a chunk of a kernel is, where it does not depend on arguments, and other numbers that all languages of the kernels have to agree on:
 * `scripts/kernel-interfaces.mjs` writes them for C and AssemblyScript.
 */

/** Inputs in a chunk of packed weights. */
export const WEIGHT_INPUTS = 16;
/** Filters in a chunk of a product of signs. */
export const PRODUCT_FILTERS = 64;
/** Rows of a matrix of signs that are transposed together, a chunk. */
export const TRANSPOSED_ROWS = 64;
/** Rows in a chunk of signs that become floats. */
export const EXPANDED_ROWS = 16;
/** Words in a chunk of counted signs. */
export const COUNTED_WORDS = 1024;
/** Rows and columns in a chunk of a real product, */
export const REAL_ROWS = 24;
export const REAL_COLUMNS = 32;
/** columns in one of a transposed matrix, and rows in one that gets a bias. */
export const TRANSPOSED_COLUMNS = 16;
export const BIASED_ROWS = 16;
/** Windows in a line of a matrix that no window lays out. */
export const LINE_ROWS = 64;
/** Rows in a chunk of repeated channels. */
export const REPEATED_ROWS = 64;
/** Elements in a chunk of what is computed one by one. */
export const CHUNK_ELEMENTS = 4096;
/** Columns in a chunk of sums that are added up. */
export const SUMMED_COLUMNS = 64;
/** Bytes that a thread has to itself. Largest need: an input gradient of 11,584 inputs and 4,096 filters, 64 bytes each, and the tables. */
export const SCRATCH_BYTES = 1 << 20;
