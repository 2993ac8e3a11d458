/** The tour of `docs/extensions.md`: an extension is made, offered, chosen by a setting, and leaves again. */
import { walkTours } from "./walk.ts";

await walkTours("docs/extensions.md");
