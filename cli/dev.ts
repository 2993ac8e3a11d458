/** `./orlop dev` */
import { mkdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { version } from "../package.json";
import { buildDirectory, verb } from "./context.ts";

export const dev = verb({
  name: "dev",
  summary: "Run the host's daemon on a directory, to try the API without a machine",
  description: `Files are real, below the directory; programs are told instead of run. What needs a kernel or a service
manager shows up as failing in \`status\`. Ctrl-C ends it; the directory keeps its settings for the next time.`,
  examples: [
    { run: "./orlop dev", description: "in build/dev" },
    { run: "./orlop apiclient -s build/dev/run/api.sock set motd=hi", description: "in another terminal" },
  ],
  options: {
    root: { type: "text", value: "DIRECTORY", help: "Stands for the host; build/dev unless given", complete: "files" },
  },
  async run({ invocation }, { root = join(buildDirectory, "dev") }) {
    const [{ hostd }, { developmentSystem }] = await Promise.all([
      import("../host/daemon/hostd.ts"),
      import("../host/daemon/development.ts"),
    ]);
    await mkdir(root, { recursive: true });
    const path = join(root, "run", "api.sock");
    invocation.note(`try: ./orlop apiclient -s ${relative(process.cwd(), path) || path} status`);
    await hostd(await developmentSystem(root, version), { path, gid: undefined }, invocation.signal);
  },
});
