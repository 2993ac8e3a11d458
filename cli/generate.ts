/** `./orlop generate` */
import { join } from "node:path";
import { readTextIfPresent, writeFileAtomic } from "../lib/files/files.ts";
import { repository, verb } from "./context.ts";

export const generate = verb({
  name: "generate",
  summary: "Write the files of this tree that are made from code",
  examples: [{ run: "./orlop generate", description: "after a change of a setting, an endpoint or a command" }],
  options: {
    kubernetes: {
      type: "boolean",
      help: "Also what comes out of the sources of Kubernetes, after a change of its recipes",
    },
    screenshots: { type: "boolean", help: "Only the pictures of the console, after a change of its page" },
  },
  async run({ invocation: { signal } }, { kubernetes, screenshots }) {
    if (screenshots) {
      const { writeScreenshots } = await import("../tools/screenshots.ts");
      return { written: await writeScreenshots(join(repository, "docs"), signal) };
    }
    const { generated } = await import("../tools/generated.ts");
    const { podSchemas } = await import("../tools/pod-schemas.ts");
    const written: string[] = [];
    for (const [path, make] of Object.entries({ ...generated, ...(kubernetes ? podSchemas : {}) })) {
      const text = await make();
      if ((await readTextIfPresent(join(repository, path))) === text) continue;
      await writeFileAtomic(join(repository, path), text);
      written.push(path);
    }
    return { written };
  },
  print: ({ written }) => (written.length === 0 ? "everything is as the code says" : written.join("\n")),
});
