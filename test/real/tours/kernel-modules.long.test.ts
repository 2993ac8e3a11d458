/** The tour of `docs/kernel-modules.md`: a kit is built, published, fetched, and a module is built and signed with it. */
import { walkTours } from "./walk.ts";

await walkTours("docs/kernel-modules.md");
