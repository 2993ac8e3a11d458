/** The tour of `docs/ecs.md`: an image with a program that no registry carries. */
import { walkTours } from "./walk.ts";

await walkTours("docs/ecs.md");
