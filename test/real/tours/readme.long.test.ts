/** The tours of the README. */
import { walkTours } from "./walk.ts";

await walkTours("README.md");
