/** Protects: a variant's file outside this tree is read or refused with a reason, and everything that it names is checked. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { additionsOf, goldenPathOf } from "../../image/additions/additions-of.ts";
import { rootPackages } from "../../image/root/packages.ts";
import { readLock } from "../../image/packages/lock.ts";
import { invoke } from "../../lib/command/command-line.ts";
import { program } from "../../lib/command/command.ts";
import { explain } from "../../lib/failure.ts";
import { run } from "../../lib/program/process.ts";
import { modelFor } from "../../settings/model/model.ts";
import { variantNamed } from "../../variants/all.ts";
import { readVariantFile } from "./own-variant.ts";
import { check } from "../userdata/check.ts";

let directory: string;
const file = (name: string): string => join(directory, name);
const sha256 = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex");
const unit = "[Unit]\nDescription=Agent\n";

const good = (more = ""): string => `name = "edge"
base = "metal-k8s-1.35"
kernel-parameters = ["console=ttyS1"]
${more}
[defaults]
motd = "Acme"
[defaults.kernel]
lockdown = "confidentiality"
[[file]]
path = "usr/lib/systemd/system/agent.service"
source = "agent.service"
sha256 = "${sha256(unit)}"
`;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "own-variant-"));
  await writeFile(file("agent.service"), unit);
  await writeFile(file("edge.toml"), good());
  await mkdir(file("deb/DEBIAN"), { recursive: true });
  const control = "Package: acme-agent\nVersion: 1.2-1\nArchitecture: all\nMaintainer: Acme\nDescription: agent\n";
  await writeFile(file("deb/DEBIAN/control"), control);
  await run(["dpkg-deb", "--build", "--root-owner-group", file("deb"), file("agent.deb")]);
});
afterAll(async () => await rm(directory, { recursive: true }));

async function written(name: string, text: string): Promise<string> {
  await writeFile(file(name), text);
  return file(name);
}

test("a variant has everything of its base, and what its file adds", async () => {
  const own = await readVariantFile(file("edge.toml"));
  const base = variantNamed("metal-k8s-1.35");
  expect(own.variant).toMatchObject({
    name: "edge",
    platform: base.platform,
    programs: base.programs,
    kernelParameters: ["console=ttyS1"],
  });
  expect(modelFor(own.variant).complete({})).toMatchObject({
    motd: "Acme",
    kernel: { lockdown: "confidentiality" },
    kubernetes: { "seccomp-default": true },
  });
  const additions = await additionsOf(own, "x86_64");
  expect(additions.files).toMatchObject([{ path: "usr/lib/systemd/system/agent.service", mode: 0o644 }]);
  const lock = await readLock("x86_64");
  expect(rootPackages(lock, own.variant, additions)).toEqual(rootPackages(lock, base, undefined));
  expect(goldenPathOf(own, "x86_64")).toBe(file("edge.executables-x86_64.golden"));
});

test("a module of TypeScript says the same", async () => {
  const path = await written(
    "edge.ts",
    `const words = ["console=ttyS1"];
export default { name: "edge", base: "metal-k8s-1.35", "kernel-parameters": words, defaults: { motd: "Acme", kernel: { lockdown: "confidentiality" } } };`,
  );
  const [module, toml] = [await readVariantFile(path), await readVariantFile(file("edge.toml"))];
  expect(module.variant).toEqual(toml.variant);
});

test("Debian packages that somebody made are known by what they say themselves", async () => {
  const deb = await Bun.file(file("agent.deb")).bytes();
  const path = await written("deb.toml", `${good()}[[deb]]\nfile = "agent.deb"\nsha256 = "${sha256(deb)}"\n`);
  const { debs } = await additionsOf(await readVariantFile(path), "x86_64");
  expect(debs).toMatchObject([{ name: "acme-agent", version: "1.2-1" }]);
});

test.each([
  ["a name of the table", good().replace('"edge"', '"dev"'), "a variant of Orlop has this name"],
  ["a base that there is not", good().replace("metal", "mettal"), "did you mean metal-k8s-1.35?"],
  ["a key that there is not", good("colour = 1"), "line 4, column 1: colour: there is no such key"],
  [
    "a default that is no setting",
    good().replace("motd", "mood"),
    "its defaults are no settings: settings.mood is no setting",
  ],
  ["a default of another type", good().replace('"Acme"', "7"), "settings.motd must be"],
  [
    "a place outside of the root",
    good().replace("usr/lib/systemd", "usr/../../lib"),
    "a path below usr/ or etc/ is expected",
  ],
  [
    "a place that hides the data",
    good().replace("usr/lib/systemd", "var/lib"),
    "a path below usr/ or etc/ is expected",
  ],
  ["a package that the base has", good('packages = ["conntrack"]'), "metal-k8s-1.35 has the package conntrack already"],
])("%s is refused", async (_case, text, reason) => {
  const error = await readVariantFile(await written("wrong.toml", text)).catch((caught: unknown) => caught);
  expect(explain(error)).toContain(reason);
});

test("a file that is not the one that was meant, or not there, is refused", async () => {
  const other = await readVariantFile(await written("other.toml", good().replace(sha256(unit), sha256("other"))));
  await expect(additionsOf(other, "x86_64")).rejects.toMatchObject({ code: "hash-mismatch" });
  const missing = await readVariantFile(
    await written("missing.toml", good().replace('"agent.service"', '"agent.timer"')),
  );
  await expect(additionsOf(missing, "x86_64")).rejects.toThrow("it does not exist, and");
});

test("packages of Debian need a lock that was made for them", async () => {
  const own = await readVariantFile(await written("locked.toml", good('packages = ["nftables"]')));
  await expect(additionsOf(own, "x86_64")).rejects.toMatchObject({ code: "no-lock" });
  const lock = { format: 1, architecture: "x86_64", wanted: ["nano"], packages: [] };
  await writeFile(file("locked.lock-x86_64.json"), JSON.stringify(lock));
  await expect(additionsOf(own, "x86_64")).rejects.toThrow("it has nano, and");
  await writeFile(file("locked.lock-x86_64.json"), JSON.stringify({ ...lock, wanted: ["nftables"] }));
  expect((await additionsOf(own, "x86_64")).packages).toEqual([]);
});

test("user data is checked against the variant of the file", async () => {
  const orlop = program({
    name: "orlop",
    summary: "For these tests",
    version: "0.0.0",
    options: {},
    groups: { userdata: "User data" },
    commands: [check],
    context: (invocation) => ({ invocation }),
  });
  const userData = await written("user-data.toml", "[settings.kubernetes]\nmax-pods = 20\n");
  const verdict = await invoke(orlop, ["userdata", "check", userData, "--variant-file", file("edge.toml")]);
  expect(verdict).toMatchObject({ exitCode: 0, stdout: `${userData} is valid\n` });
  const plain = await written("plain.toml", 'name = "plain"\nbase = "metal-dev"\n');
  expect((await invoke(orlop, ["userdata", "check", userData, "--variant-file", plain])).exitCode).toBe(1);
});
