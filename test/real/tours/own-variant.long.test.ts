/** The tour of `docs/own-variant.md`: a variant outside this tree is built, boots with what it adds, and is offered. */
import { walkTours } from "./walk.ts";

await walkTours("docs/own-variant.md");
