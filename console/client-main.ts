/** The `apiclient` for machines that are no hosts: an executable of its own. */
import { runProgram } from "../lib/command/command-line.ts";
import { laptopClient } from "./client.ts";

await runProgram(laptopClient, process.argv.slice(2));
