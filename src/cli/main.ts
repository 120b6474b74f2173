/** What the command `rbnet` (bin/rbnet.js) runs. */
import { endQuietlyOnClosedPipe } from "./output.js";
import { runProgram } from "./program.js";

endQuietlyOnClosedPipe();
process.exitCode = await runProgram(process.argv.slice(2));
