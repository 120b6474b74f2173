/**
 * Memory of a device for as long as something needs it: taken between the scope's start and its `seal`, given back where the scope ends.
 */
import type { Backend } from "./device.js";

export class MemoryScope implements Disposable {
  private readonly start: number;
  private end: number | undefined;

  constructor(private readonly backend: Backend) {
    this.start = backend.mark();
  }

  /** What is allocated from now on belongs to others, and may outlast this scope. */
  seal(): void {
    this.end = this.backend.mark();
  }

  /**
   * Where others have allocated since it was sealed, their memory lies on top, and what lies below stays taken until they give theirs back.
   */
  [Symbol.dispose](): void {
    if (this.end === undefined || this.backend.mark() === this.end) this.backend.release(this.start);
  }
}
