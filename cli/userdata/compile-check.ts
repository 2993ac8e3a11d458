/**
 * Makes the compiled `userdata check` that `./orlop` keeps. Its time is that of the start, so that what is saved
 * meanwhile is newer.
 */
import { utimes } from "node:fs/promises";
import { arch } from "node:process";
import { compile } from "../../programs/compile.ts";

const [outfile] = process.argv.slice(2);
if (outfile === undefined) throw new Error("say where the program goes");
const started = new Date();
await compile("cli/userdata/check-main.ts", arch === "arm64" ? "linux-aarch64" : "linux-x64", outfile);
await utimes(outfile, started, started);
