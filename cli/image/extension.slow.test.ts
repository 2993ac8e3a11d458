/** Protects: `./orlop extension build` makes what hosts take, and says what is wrong, through the words people type. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { invoke } from "../../lib/command/command-line.ts";
import { extensionBuild } from "../../test/worlds/extension/extension-build.ts";
import { strangersKey } from "../../test/worlds/extension/resigned.ts";
import { orlop } from "../main.ts";

test("an extension is made of a directory for a build, and what hosts would refuse is refused by name", async () => {
  await using world = await extensionBuild();
  const build = join(world.directory, "build");
  const make = async (source: string, { privateKey, certificate } = world.key): ReturnType<typeof invoke> => {
    const key = ["--signing-key", privateKey, "--signing-certificate", certificate];
    const words = ["extension", "build", build, source, "--name", "tools", "--output", world.directory, ...key];
    return await invoke(await orlop(words), words);
  };
  const good = await world.sources({ "usr/bin/tools": "\u007fELF tools" });
  const made = await make(good);
  expect(made).toMatchObject({ exitCode: 0 });
  expect(made.stdout).toMatch(/\/dev-x86_64-extension-tools-v0\.2\.0\.raw {2}\d+\.\d MiB\n$/);

  const wrong = await make(await world.sources({ "etc/tools.conf": "" }));
  expect(wrong).toMatchObject({ exitCode: 1, stdout: "" });
  expect(wrong.stderr).toContain("cannot make the extension tools: it may hold nothing outside /usr: /etc/tools.conf");

  const foreign = await make(good, await strangersKey(world.directory));
  expect(foreign.exitCode).toBe(1);
  expect(foreign.stderr).toMatch(
    /its hosts take what the key with the certificate .*\nhint: name that key by --signing-key/,
  );
});
