/** Protects: the operator's image runs its one program as nobody, with a root that takes no writes, and has no shell. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builtContainer } from "../../../cli/image/built-image.ts";
import { machineArchitecture } from "../../../image/packages/tools-root.ts";
import { ask } from "../../../lib/program/process.ts";
import { unpackLayout } from "../../worlds/containers/oci-image.ts";

let root: string;
let entrypoint: readonly string[];

beforeAll(async () => {
  const { signal } = new AbortController();
  const { layout } = await builtContainer({ image: "fleet", architecture: machineArchitecture() }, signal);
  root = await mkdtemp(join(tmpdir(), "orlop-fleet-"));
  entrypoint = await unpackLayout(layout, root);
}, 1_200_000);
afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

test("its program runs as nobody, with a root that takes no writes", async () => {
  // As a runtime of containers does: /proc and /dev are there, and nothing else of the machine.
  const script = `mount --bind ${root} ${root} && mount --bind /dev ${root}/dev && mount -t proc proc ${root}/proc &&
    mount -o remount,bind,ro ${root} && exec chroot --userspec=65532:65532 ${root} ${entrypoint.join(" ")}`;
  const { exitCode, stderr } = await ask(["unshare", "--mount", "sh", "-c", script], {});
  expect(stderr).toContain("cannot find the cluster: this does not run in a pod");
  expect(exitCode).toBe(1);
});

test("there is one program of ours in it, and no shell", async () => {
  expect(entrypoint).toEqual(["/usr/bin/orlop-fleet"]);
  expect(await readdir(join(root, "usr/bin"))).toEqual(["orlop-fleet"]);
});
