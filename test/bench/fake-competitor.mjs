/**
 * Stands in for a competitor: speaks the line protocol, takes `secondsPerStep` by its own word, and writes to a log when it starts
 * and ends working. Arguments: name, secondsPerStep, log, and optionally what goes wrong.
 */
import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

const [name, secondsPerStep, log, fault] = process.argv.slice(2);
const answer = (reply) => process.stdout.write(`${JSON.stringify(reply)}\n`);

if (fault === "not-installed") {
  process.stderr.write("no such library\n");
  process.exit(1);
}
answer({ ready: true, version: "1.2.3" });
for await (const line of createInterface({ input: process.stdin })) {
  const [request, steps] = line.split(" ");
  if (request === "quit") break;
  if (request === "memory") answer({ peakBytes: 1000, residentBytes: 2000 });
  if (request !== "step") continue;
  if (fault === "dies") process.exit(7);
  if (fault === "chatters") process.stdout.write("hello\n");
  appendFileSync(log, `${name} starts ${steps}\n`);
  await sleep(5);
  appendFileSync(log, `${name} ends ${steps}\n`);
  answer({ seconds: Number(secondsPerStep) * Number(steps), steps: fault === "miscounts" ? 1 : Number(steps) });
}
