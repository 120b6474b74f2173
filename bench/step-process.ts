/**
 * A competitor in a training benchmark: a child process that runs training steps when asked (bench/README.md, "The line
 * protocol"). Its answers come from outside, so they are checked here.
 */
import { z } from "zod";
import { type ChildCommand, LineProcess } from "./line-process.js";

const Ready = z.object({ ready: z.literal(true), version: z.string() });
const Steps = z.object({ seconds: z.number().positive(), steps: z.number().int().positive() });
const Memory = z.object({ peakBytes: z.number().positive(), residentBytes: z.number().positive() });

/** Memory of a competitor: its steps' peak over what its libraries take before a network exists, and the whole process. */
export type StepMemory = z.infer<typeof Memory>;

export class StepProcess {
  private constructor(
    private readonly child: LineProcess,
    /** The version of what is measured, as the child says it. */
    readonly version: string,
  ) {}

  get name(): string {
    return this.child.name;
  }

  /** Starts a competitor and waits until its network and batch stand. Rejects with what it said on standard error. */
  static async start(name: string, command: ChildCommand): Promise<StepProcess> {
    const child = new LineProcess(name, command);
    try {
      const ready = Ready.parse(await child.next());
      return new StepProcess(child, ready.version);
    } catch (error) {
      await child.quit();
      throw error;
    }
  }

  /** Runs training steps and returns the seconds they took by the child's own clock. */
  async run(steps: number): Promise<number> {
    const answer = Steps.parse(await this.child.ask(`step ${steps}`));
    if (answer.steps !== steps) throw new Error(`${this.name} ran ${answer.steps} steps where ${steps} were asked`);
    return answer.seconds;
  }

  async memory(): Promise<StepMemory> {
    return Memory.parse(await this.child.ask("memory"));
  }

  async quit(): Promise<void> {
    await this.child.quit();
  }
}
