/** The tour of `docs/arm64.md`: a machine of aarch64 boots, goes back from an update, takes one, and joins a cluster. */
import { walkTours } from "./walk.ts";

await walkTours("docs/arm64.md");
