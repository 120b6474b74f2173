// Written by scripts/kernel-interfaces.mjs from src/backend/kernel-table: change that, and build.
export const BIASED_ROWS: i32 = 16;
export const CHUNK_ELEMENTS: i32 = 4096;
export const COUNTED_WORDS: i32 = 1024;
export const EXPANDED_ROWS: i32 = 16;
export const LINE_ROWS: i32 = 64;
export const PRODUCT_FILTERS: i32 = 64;
export const REAL_COLUMNS: i32 = 32;
export const REAL_ROWS: i32 = 24;
export const REPEATED_ROWS: i32 = 64;
export const SCRATCH_BYTES: i32 = 1048576;
export const SUMMED_COLUMNS: i32 = 64;
export const TRANSPOSED_COLUMNS: i32 = 16;
export const TRANSPOSED_ROWS: i32 = 64;
export const UPDATE_BLOCK: i32 = 64;
export const WEIGHT_INPUTS: i32 = 16;
