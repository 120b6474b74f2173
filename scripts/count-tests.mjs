/**
 * Adds up what `.ci/run` ran and ends with `N passed, N failed`; exits with 1 unless all passed. A step that ended badly counts as
 * a failure of its own even when it left no report: a build that breaks must not read as "0 failed".
 *
 * Arguments: exit code of `npm test`, its JSON report; then, for each further check, its name, exit code and output.
 */
import { existsSync, readFileSync } from "node:fs";

/** Passed, failed and skipped tests of vitest's JSON report. */
function countTests(path) {
  if (!existsSync(path)) return { passed: 0, failed: 0, skipped: 0 };
  const report = JSON.parse(readFileSync(path, "utf8"));
  return { passed: report.numPassedTests, failed: report.numFailedTests, skipped: report.numPendingTests };
}

/** The same from the last line of a check. */
function countChecks(path) {
  const [, passed, failed] = readFileSync(path, "utf8").match(/(\d+) passed, (\d+) failed\s*$/) ?? [undefined, 0, 0];
  return { passed: Number(passed), failed: Number(failed), skipped: 0 };
}

const [testCode, testReport, ...checks] = process.argv.slice(2);
const steps = [{ name: "npm test", code: Number(testCode), ...countTests(testReport) }];
for (let i = 0; i < checks.length; i += 3) {
  const [name, code, output] = checks.slice(i, i + 3);
  steps.push({ name, code: Number(code), ...countChecks(output) });
}
const total = { passed: 0, failed: 0, skipped: 0 };
for (const step of steps) {
  const endedBadly = step.code !== 0 && step.failed === 0;
  if (endedBadly) console.log(`${step.name} ended with exit code ${step.code} without naming a failed test`);
  total.passed += step.passed;
  total.failed += step.failed + (endedBadly ? 1 : 0);
  total.skipped += step.skipped;
}
if (total.skipped > 0) console.log(`${total.skipped} skipped: what they need is not on this machine`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
