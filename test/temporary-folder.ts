/** Folders for what a test writes. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

const folders: string[] = [];
// Registered once, when the test file is read: a hook that a running test asks for would never be called.
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A new folder, removed after the tests of the file; call it in tests and hooks, since where all tests are skipped nothing is removed. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "rbnet-test-"));
  folders.push(folder);
  return folder;
}
