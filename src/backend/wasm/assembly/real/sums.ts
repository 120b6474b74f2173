// Sums of a matrix by column, in float64 by fixed chunks.
import { addToDoubles } from "../simd";

/** A chunk is `chunkRows` rows of a float32 matrix; its sums by column go to partials[chunk], float64 [columns]. */
export function sumColumns(
  begin: i32, end: i32, scratch: usize, matrix: usize, rows: i32, columns: i32, chunkRows: i32, partials: usize,
): void {
  for (let chunk = begin; chunk < end; chunk++) {
    const sums = partials + <usize>chunk * (<usize>columns << 3);
    memory.fill(sums, 0, <usize>columns << 3);
    const last = min(rows, (chunk + 1) * chunkRows);
    for (let m = chunk * chunkRows; m < last; m++) {
      const row = matrix + (<usize>(m * columns) << 2);
      let n = 0;
      for (; n + 4 <= columns; n += 4) addToDoubles(sums + (<usize>n << 3), v128.load(row + (<usize>n << 2)));
      for (; n < columns; n++) {
        const at = sums + (<usize>n << 3);
        store<f64>(at, load<f64>(at) + <f64>load<f32>(row + (<usize>n << 2)));
      }
    }
  }
}
