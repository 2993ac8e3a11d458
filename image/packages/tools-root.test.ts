/** A tools root is made from a mirror of one package: the C library, ldconfig and cat of the machine that tests. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFile, mkdir, mkdtemp, readdir, realpath, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { run } from "../../lib/program/process.ts";
import { sha256OfFile } from "./cache.ts";
import type { Lock } from "./lock.ts";
import { ask } from "../../lib/program/process.ts";
import { openToolsRoot, runTool, toolCommand } from "./tools-root.ts";

let scratch: string;
let server: Bun.Server<undefined>;
let lock: Lock;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "tools-"));
  const root = join(scratch, "package");
  const { stdout } = await run(["ldd", "/bin/cat"]);
  const libraries = [...stdout.matchAll(/(\/\S+\.so\S*)/g)].flatMap(([, path]) => path ?? []);
  for (const path of ["/bin/cat", "/sbin/ldconfig", ...libraries]) {
    const usr = path.startsWith("/usr/") ? path : `/usr${path}`;
    await mkdir(dirname(join(root, usr)), { recursive: true });
    await copyFile(await realpath(path), join(root, usr));
  }
  for (const name of ["DEBIAN", "etc", "var"]) await mkdir(join(root, name));
  await writeFile(
    join(root, "DEBIAN/control"),
    "Package: cat\nVersion: 1\nArchitecture: all\nMaintainer: T <t@t.example>\nDescription: a test\n",
  );
  const deb = join(scratch, "cat.deb");
  await run(["dpkg-deb", "--root-owner-group", "-Znone", "--build", root, deb]);
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ url }) =>
      new URL(url).pathname === "/debian/pool/cat_1%2B1_all.deb"
        ? new Response(Bun.file(deb))
        : new Response("not here", { status: 404 }),
  });
  const { size: bytes } = await stat(deb);
  lock = {
    format: 1,
    architecture: "x86_64",
    date: "2026-01-01T00:00:00Z",
    suites: {},
    sets: { tools: ["cat"] },
    packages: [
      {
        name: "cat",
        version: "1+1",
        section: "misc",
        source: "cat",
        archive: "debian",
        path: "pool/cat_1+1_all.deb",
        bytes,
        sha256: await sha256OfFile(deb),
      },
    ],
  };
});
afterAll(async () => {
  await server.stop(true);
  await rm(scratch, { recursive: true });
});

function open(cache: string) {
  return openToolsRoot({ lock, cache: join(scratch, cache), mirror: new URL("debian", server.url).href });
}

test("a program of the tools root runs, sees its binds and its input, and cannot write to the tools", async () => {
  const tools = await open("one");
  const shared = join(scratch, "shared");
  await mkdir(shared);
  await writeFile(join(shared, "file"), "from the machine");
  expect((await runTool(tools, ["cat", join(shared, "file")], { binds: [shared] })).stdout).toBe("from the machine");
  expect((await runTool(tools, ["cat", "file"], { readOnlyBinds: [shared], cwd: shared })).stdout).toBe(
    "from the machine",
  );
  expect((await runTool(tools, ["cat"], { stdin: "through the pipe" })).stdout).toBe("through the pipe");
  expect((await runTool(tools, ["cat", "/etc/passwd"])).stdout).toStartWith("root:x:0:0:");
  await expect(runTool(tools, ["cat", join(shared, "file")])).rejects.toThrow("No such file");
  await expect(runTool(tools, ["ldconfig"])).rejects.toThrow("Read-only file system");
});

test("a program has no capability, no device of the machine, and none of its processes", async () => {
  const tools = await open("one");
  const status = (await runTool(tools, ["cat", "/proc/self/status"])).stdout;
  expect(status).toMatch(/^NoNewPrivs:\t1$/m);
  for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"]) expect(status).toMatch(new RegExp(`^${set}:\\t0+$`, "m"));
  expect(status).toMatch(/^NSpid:\t[12]$/m);
  await expect(runTool(tools, ["cat", `/proc/${process.pid}/environ`])).rejects.toThrow(
    /No such file|Permission denied/,
  );
  // What a program that runs on beside us sees of us, it may not read: its memory, its files, its namespaces.
  for (const path of ["environ", "root/etc/passwd", "ns/mnt"]) {
    const { exitCode, stderr } = await ask(toolCommand(tools, ["cat", `/proc/${process.pid}/${path}`]));
    expect({ path, exitCode, stderr }).toEqual({
      path,
      exitCode: 1,
      stderr: expect.stringContaining("ermission denied"),
    });
  }
  for (const device of ["/dev/mem", "/dev/kmsg", "/dev/loop-control", "/dev/sda", "/dev/vda", "/dev/nvme0n1"]) {
    await expect(runTool(tools, ["cat", device])).rejects.toThrow("No such file");
  }
});

test("the environment of the machine does not reach the program", async () => {
  const { stdout } = await runTool(await open("one"), ["cat", "/proc/self/environ"], {
    env: { SOURCE_DATE_EPOCH: "5" },
  });
  const names = stdout.split("\0").flatMap((line) => line.split("=")[0] ?? []);
  const expected = ["HOME", "LC_ALL", "PATH", "SOURCE_DATE_EPOCH", "TZ"];
  // bwrap adds PWD.
  expect(new Set(names.filter((name) => name !== "" && name !== "PWD"))).toEqual(new Set(expected));
});

test("an error names the program, not the machinery around it", async () => {
  const failing = runTool(await open("one"), ["cat", "/nowhere"]);
  await expect(failing).rejects.toThrow("cannot run cat /nowhere: it exited with 1: cat: /nowhere: No such file");
});

test("two builds that make the same root at a time both get it whole, and nothing is left over", async () => {
  const [first, second] = await Promise.all([open("two"), open("two")]);
  expect(first).toEqual(second);
  expect((await runTool(first, ["cat", "/etc/group"])).stdout).toBe("root:x:0:\n");
  expect(await readdir(dirname(first.directory))).toHaveLength(1);
});

test("a package that the mirror lacks leaves no root behind", async () => {
  const cache = join(scratch, "three");
  const elsewhere = new URL("elsewhere", server.url).href;
  await expect(openToolsRoot({ lock, cache, mirror: elsewhere })).rejects.toMatchObject({ code: "not-on-mirror" });
  expect(await readdir(cache)).not.toContain("tools");
});

test("a spawned program dies with us unless it is meant to outlive us", () => {
  const tools = { directory: "/tools" };
  expect(toolCommand(tools, ["qemu"])).toContain("--die-with-parent");
  expect(toolCommand(tools, ["qemu"], { outlivesUs: true })).not.toContain("--die-with-parent");
  expect(toolCommand(tools, ["qemu", "-version"]).slice(-3)).toEqual(["--", "qemu", "-version"]);
});
