/** Files of the tree that are made from code. `./orlop generate` writes them; a test holds them to it. */
import { apiclient } from "../host/commands/apiclient.ts";
import { referencePage } from "../lib/command-reference.ts";
import { withCompletion } from "../lib/completion.ts";

/** Content by path. */
export const generated: Readonly<Record<string, () => string | Promise<string>>> = {
  "docs/apiclient.md": () => referencePage(withCompletion(apiclient)),
};
