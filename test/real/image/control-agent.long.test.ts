/**
 * The control container with an agent of SSM that somebody brought, its entry point run natively: the agent is in it, with its
 * licence, and starts after what it needs. The agent is a stand-in: no registry carries the real one.
 */
import { expect, test } from "bun:test";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builtContainer } from "../../../cli/image/built-image.ts";
import { ssmAgent } from "../../../image/supplied/supplied.ts";
import { ask, run } from "../../../lib/program/process.ts";
import { unpackLayout } from "../../worlds/containers/oci-image.ts";

const own = ".bottlerocket/host-containers/current";
const repository = join(import.meta.dir, "../../..");
const signal = new AbortController().signal;

test("the agent starts in the container, registered where the user data says so, and is held to its list", async () => {
  const directory = await mkdtemp(join(tmpdir(), "control-agent-"));
  try {
    const [root, program] = [join(directory, "root"), join(directory, "agent")];
    // Ends at once, and says what it was started with.
    await copyFile("/usr/bin/echo", program);
    await copyFile(join(repository, "LICENSE"), join(directory, "LICENSE"));
    const supply = Object.fromEntries(Object.values(ssmAgent).map((name) => [name, program]));
    const control = { image: "control", architecture: "x86_64" } as const;
    await expect(builtContainer({ ...control, supplied: { supply, lists: directory } }, signal)).rejects.toMatchObject({
      code: "untrusted-supply",
    });
    const supplied = { supply, lists: directory, trust: "new" } as const;
    await mkdir(root);
    const entrypoint = await unpackLayout((await builtContainer({ ...control, supplied }, signal)).layout, root);
    await mkdir(join(root, own), { recursive: true });
    await run(["mknod", "--mode=666", join(root, "dev/null"), "c", "1", "3"]);
    const inside = async () =>
      await ask(["unshare", "--mount", `--root=${root}`, "--mount-proc", "--pid", "--fork", "--", ...entrypoint]);
    expect(await inside()).toMatchObject({ exitCode: 0, stdout: "\n" });
    const ssm = { "activation-id": "a-1", "activation-code": "c0de", region: "eu-west-1" };
    await writeFile(join(root, own, "user-data"), JSON.stringify({ ssm }));
    expect(await inside()).toMatchObject({
      exitCode: 0,
      stdout: "\n",
      stderr: expect.stringContaining("registered"),
    });
    await writeFile(join(root, own, "user-data"), '{"ssm": {}}');
    const refused = await inside();
    expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
    expect(refused.stderr).toContain("cannot use the user data of the control container at ssm.activation-id");
    for (const name of Object.values(ssmAgent)) {
      expect(await readFile(join(root, `usr/share/doc/${name}/copyright`), "utf8")).toContain("Apache License");
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}, 900_000);
