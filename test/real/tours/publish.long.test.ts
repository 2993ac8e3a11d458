/** The tour of `docs/publish.md`: what a build becomes without anybody's account. */
import { walkTours } from "./walk.ts";

await walkTours("docs/publish.md");
