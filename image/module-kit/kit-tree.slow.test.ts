/** Protects: whoever has a kit and a shell can build and sign a module, also Falco's driver, and has what the licences ask for. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../lib/program/process.ts";
import { compileFalcoDriver } from "../../test/worlds/modules/falco-driver.ts";
import type { Architecture } from "../../variants/variant.ts";
import { openSigningKey } from "../boot/signing-key.ts";
import { packDirectory } from "../oci/layout.ts";
import { sha256OfFile } from "../packages/cache.ts";
import { epochSecondsOf, packagesOf, readLock } from "../packages/lock.ts";
import { machineArchitecture, openToolsRoot } from "../packages/tools-root.ts";
import { walk } from "../root/tree.ts";
import { makeKitTree } from "./kit-tree.ts";

let directory: string;
const place = (...names: string[]): string => join(directory, ...names);
let release: string;

/** Makes a kit below a directory of that name. */
async function makeKit(name: string, architecture: Architecture): Promise<string> {
  const lock = await readLock(architecture);
  const content = { packages: packagesOf(lock, ["modules-cloud"]), architecture, date: lock.date };
  return await makeKitTree(place(name, "kit"), content, {});
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "module-kit-"));
  release = await makeKit("first", machineArchitecture());
}, 300_000);
afterAll(async () => await rm(directory, { recursive: true }));

/** Runs a program of the kit in a container that has a shell, and nothing else beside the kit. */
async function inContainer(...argv: string[]): Promise<string> {
  const places = [
    "--bind",
    place("root"),
    "/",
    "--ro-bind",
    place("first/kit"),
    "/a/kit",
    "--dev",
    "/dev",
    "--tmpfs",
    "/tmp",
  ];
  const only = ["--unshare-all", "--clearenv", "--setenv", "PATH", "/a/kit/toolchain/bin", "--chdir", "/module"];
  return (await run(["bwrap", ...places, ...only, "--", ...argv])).stdout;
}

test("a module is built and signed where nothing but a shell is installed, with BTF, for the kit's kernel", async () => {
  const busybox = (await openToolsRoot({ sets: ["busybox"] })).directory;
  await mkdir(place("root/bin"), { recursive: true });
  await mkdir(place("root/module"));
  await copyFile(join(busybox, "usr/bin/busybox"), place("root/bin/sh"));
  const source = '#include <linux/module.h>\nMODULE_LICENSE("GPL");\nMODULE_DESCRIPTION("does nothing");\n';
  await writeFile(place("root/module/empty.c"), source);
  await writeFile(place("root/module/Kbuild"), "obj-m := empty.o\n");
  await inContainer("make", "-C", "/a/kit/kernel-devel", "M=/module", "modules");
  const module = place("root/module/empty.ko");
  expect(await inContainer("readelf", "--sections", "/module/empty.ko")).toContain(".BTF");
  expect((await readFile(module)).includes(`vermagic=${release} `)).toBe(true);

  const key = await openSigningKey(await openToolsRoot(), "secure-boot", place("key"));
  await copyFile(key.privateKey, place("root/module/key.pem"));
  await copyFile(key.certificate, place("root/module/key.crt"));
  await inContainer("strip", "--strip-debug", "empty.ko");
  await inContainer("/a/kit/kernel-devel/scripts/sign-file", "sha256", "key.pem", "key.crt", "empty.ko");
  expect((await readFile(module)).subarray(-28).toString()).toBe("~Module signature appended~\n");
}, 300_000);

test("Falco's driver is compiled in a container of an image that has a shell, and signed by somebody's own key", async () => {
  const key = await openSigningKey(await openToolsRoot(), "secure-boot", place("key"));
  const driver = await compileFalcoDriver(place("first/kit"), place("driver"));
  expect(driver.release).toBe(release);
  const [unsigned, signed] = [Buffer.from(driver.unsigned), Buffer.from(await driver.signedBy(key))];
  expect(unsigned.includes(`vermagic=${release} `)).toBe(true);
  expect(signed.subarray(0, unsigned.length).equals(unsigned)).toBe(true);
  expect(signed.subarray(-28).toString()).toBe("~Module signature appended~\n");
}, 300_000);

test("each package in it has its copyright, and the licences that those name are there", async () => {
  const lines = (await Bun.file(place("first/kit/licences/PACKAGES")).text()).trim().split("\n").slice(1);
  expect(lines.some((line) => line.startsWith("gcc-14\t"))).toBe(true);
  const licences = new Set((await walk(place("first/kit/licences"))).map(({ path }) => path));
  for (const name of ["gcc-14-base", "make", "binutils", "libc6", "coreutils", "common-licenses/GPL-3"]) {
    expect(licences.has(name)).toBe(true);
  }
});

test("the same packages give an archive of the same bytes, wherever and whenever it is made", async () => {
  expect(await makeKit("again", machineArchitecture())).toBe(release);
  expect(await digestOf("again")).toBe(await digestOf("first"));
}, 300_000);

test("a kit for the other architecture has its headers, its programs and their libraries", async () => {
  const other = machineArchitecture() === "x86_64" ? "aarch64" : "x86_64";
  expect(await makeKit("other", other)).toMatch(/-cloud-(arm64|amd64)$/);
  const paths = new Set((await walk(place("other/kit"))).map(({ path }) => path));
  const source = other === "aarch64" ? "arm64" : "x86";
  for (const path of [`kernel-devel/arch/${source}/Makefile`, "toolchain/bin/gcc", "toolchain/lib/ld.so"]) {
    expect(paths.has(path)).toBe(true);
  }
}, 300_000);

/** Of a kit as it is packed, before xz. */
async function digestOf(name: string): Promise<string> {
  const archive = place(`${name}.tar`);
  const { date } = await readLock(machineArchitecture());
  await packDirectory(await openToolsRoot(), place(name), archive, epochSecondsOf({ date }));
  return await sha256OfFile(archive);
}
