/** The tour of `docs/release.md`: a release of a whole image, and one that is refused. */
import { walkTours } from "./walk.ts";

await walkTours("docs/release.md", "committed");
