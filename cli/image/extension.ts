/** `./orlop extension build` */
import { formatBytes } from "../../lib/progress.ts";
import { buildDirectory, verb } from "../context.ts";
import { signingKeyIn, signingKeyOptions } from "./signing-key.ts";
import { defined } from "../../lib/defined.ts";

export const extensionBuild = verb({
  name: "extension build",
  summary: "Make a system extension for the hosts of a build: what is to be in their /usr beside the image",
  description: `Signed by the key that signed the image; hosts take no other. \`./orlop repo add-target\` offers it, and
settings.extensions.NAME.enabled chooses it (docs/extensions.md).`,
  examples: [
    { run: "./orlop extension build build/old tools --name tools", description: "of the files below tools/usr" },
    {
      run: "./orlop extension build build/old htop_3.4.1-5_amd64.deb --name htop",
      description: "of a Debian package",
    },
  ],
  arguments: {
    build: {
      value: "BUILD",
      help: "The build's list of artefacts, which lie beside it; or the directory of a single build",
      complete: "files",
    },
    sources: {
      value: "SOURCE",
      many: true,
      help: "A directory that stands for /, or a file of a Debian package",
      complete: "files",
    },
  },
  options: {
    name: { type: "text", value: "NAME", required: true, help: "What settings.extensions calls it" },
    output: { type: "text", value: "DIRECTORY", help: "Where it goes; build/ unless given", complete: "files" },
    ...signingKeyOptions,
  },
  async run({ invocation: { signal } }, { build, sources, name, output = buildDirectory, ...keys }) {
    const { buildExtension } = await import("../../image/extension/build-extension.ts");
    const { readBuild } = await import("../../image/finished-build.ts");
    const finished = await readBuild(build);
    const key = signingKeyIn("signing", keys["signing-key"], keys["signing-certificate"]);
    const path = await buildExtension(finished, { name, sources, output, signal, ...defined({ key }) });
    return { path, bytes: Bun.file(path).size };
  },
  print: ({ path, bytes }) => `${path}  ${formatBytes(bytes)}`,
});
