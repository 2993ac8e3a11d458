/** Our units, judged by the systemd that images hold: is every line understood, and how exposed is each service? */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { openToolsRoot, runTool, type ToolsRoot } from "../image/packages/tools-root.ts";

const sources = ["units", "ecs/units", "interactive/units", "kubernetes/units", "locked/units"].map((folder) =>
  join(import.meta.dir, "../os", folder),
);
const unitDirectory = "usr/lib/systemd/system";
/** In tenths, as systemd-analyze shows it. */
const mostExposure = 30;
const excuse = /^# Exposed: \S/m;

const paths = new Map<string, string>();
for (const source of sources) {
  for (const name of await readdir(source)) {
    if (/\.[a-z]+$/.test(name) && !name.endsWith(".d")) paths.set(name, join(source, name));
  }
}
const names = [...paths.keys()];
const services = names.filter((name) => name.endsWith(".service"));

let tools: ToolsRoot;
let root: string;

beforeAll(async () => {
  tools = await openToolsRoot();
  root = await mkdtemp(join(tmpdir(), "orlop-units-"));
  // Beside our units those of systemd itself, which ours are ordered by; and the programs that ours start.
  await cp(join(tools.directory, unitDirectory), join(root, unitDirectory), {
    recursive: true,
    verbatimSymlinks: true,
  });
  for (const source of sources) await cp(source, join(root, unitDirectory), { recursive: true });
  // Of other packages; kubelet is bound to the one, our socket starts the other.
  for (const name of ["containerd.service", "dbus-broker.service"]) {
    await writeFile(join(root, unitDirectory, name), "[Service]\nExecStart=/usr/bin/true\n");
  }
  await mkdir(join(root, "usr/bin"), { recursive: true });
  await writeFile(join(root, "usr/bin/true"), "");
  await chmod(join(root, "usr/bin/true"), 0o755);
  for (const name of services) {
    const text = await readFile(paths.get(name) ?? "", "utf8");
    for (const [, program = ""] of text.matchAll(/^Exec\w+=[-@:+!|]*(\/\S+)/gm)) {
      await mkdir(dirname(join(root, program)), { recursive: true });
      await writeFile(join(root, program), "#!/bin/true\n");
      await chmod(join(root, program), 0o755);
    }
  }
}, 600_000);

afterAll(async () => rm(root, { recursive: true, force: true }));

/** A template is judged by one of its instances. */
const instance = (name: string): string => name.replace("@.", "@example.");

async function verify(units: readonly string[]): ReturnType<typeof runTool> {
  const argv = ["systemd-analyze", "verify", `--root=${root}`, "--man=no", "--generators=no", ...units] as const;
  return await runTool(tools, argv, { binds: [root] });
}

test("systemd understands every line of every unit", async () => {
  const { stdout, stderr } = await verify(names.map(instance));
  const about = `${stdout}${stderr}`
    .split("\n")
    .filter((line) => names.some((name) => line.includes(name.split("@")[0] ?? name)));
  expect(about).toEqual([]);
}, 60_000);

for (const name of services) {
  test(`${name} is confined, or says why not`, async () => {
    if (excuse.test(await readFile(paths.get(name) ?? "", "utf8"))) return;
    const argv = [
      "systemd-analyze",
      "security",
      "--offline=yes",
      `--threshold=${mostExposure}`,
      `--root=${root}`,
    ] as const;
    await runTool(tools, [...argv, instance(name)], { binds: [root] });
  }, 60_000);
}

test("a unit that systemd does not understand is found", async () => {
  const path = join(root, unitDirectory, "broken.service");
  await writeFile(path, "[Service]\nExecStart=/usr/bin/no-such-program\nRestrt=always\n");
  await expect(verify(["broken.service"])).rejects.toThrow(/Restrt[^]*no-such-program/);
}, 60_000);

test("a unit whose failure has consequences gives what runs after it more time than units get", async () => {
  for (const name of services) {
    const text = await readFile(paths.get(name) ?? "", "utf8");
    if (!/^FailureAction=/m.test(text) || !/^ExecStopPost=/m.test(text)) continue;
    expect({ name, limit: /^TimeoutStopSec=(.*)$/m.exec(text)?.[1] }).toEqual({
      name,
      limit: expect.stringMatching(/^\d+min$/),
    });
  }
});

test("what stands behind the @ of a unit's name is never read as an option", async () => {
  const read: string[] = [];
  for (const name of services.filter((service) => service.includes("@"))) {
    const text = await readFile(paths.get(name) ?? "", "utf8");
    for (const [line, words = ""] of text.matchAll(/^Exec\w+=(.*)$/gm)) {
      const [options = ""] = words.split(" -- ");
      // A word that begins with it may begin with a hyphen.
      if (/ %[iIjJ]/.test(options)) read.push(`${name}: ${line}`);
    }
  }
  expect(read).toEqual([]);
});

test("lockdown.service writes the level that is kept, and nothing when none is", async () => {
  const at = join(root, "lockdown");
  const [kernel, credentials] = [join(at, "kernel"), join(at, "credentials")];
  await mkdir(credentials, { recursive: true });
  const line = await readFile(join(import.meta.dir, "../os/lockdown/lockdown.conf"), "utf8");
  await writeFile(join(at, "lockdown.conf"), line.replace("/sys/kernel/security/lockdown", kernel));
  const argv = ["systemd-tmpfiles", "--create", join(at, "lockdown.conf")] as const;
  const written = async (): Promise<string> => {
    await writeFile(kernel, "[none]");
    await runTool(tools, argv, { binds: [at], env: { CREDENTIALS_DIRECTORY: credentials } });
    return await readFile(kernel, "utf8");
  };
  expect(await written()).toBe("[none]");
  await writeFile(join(credentials, "level"), "integrity");
  expect(await written()).toBe("integrity");
});
