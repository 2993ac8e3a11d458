/** Falco's driver as its users build it: by the kit of a version, in a container of an image that has nothing but a shell. */
import { cp, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { SigningKey } from "../../../image/boot/signing-key.ts";
import { packagesOf, readLock } from "../../../image/packages/lock.ts";
import { machineArchitecture } from "../../../image/packages/tools-root.ts";
import { unpackPackages } from "../../../image/packages/unpack-packages.ts";
import { run } from "../../../lib/program/process.ts";
import { busyboxImage, unpackLayout } from "../containers/oci-image.ts";

export type FalcoDriver = {
  /** Of the kernel that the module is for. */
  release: string;
  unsigned: Uint8Array;
  signedBy: (key: SigningKey) => Promise<Uint8Array>;
};

/**
 * Compiles it.
 *
 * @param kit directory of an unpacked kit
 * @param work for what is needed meanwhile, and when it is signed
 */
export async function compileFalcoDriver(kit: string, work: string): Promise<FalcoDriver> {
  const [root, source] = [join(work, "root"), join(work, "source")];
  for (const path of [root, source]) await rm(path, { recursive: true, force: true });
  for (const path of [root, source]) await mkdir(path, { recursive: true });
  await using image = await busyboxImage({ entrypoint: ["/bin/sh"] });
  await unpackLayout(image.layout, root);
  await keepShellOnly(root);
  const lock = await readLock(machineArchitecture());
  await unpackPackages(packagesOf(lock, ["driver"]), source, { label: "unpacking Falco's driver", exclude: [] }, {});
  const [version = ""] = await readdir(join(source, "usr/src"));
  await rename(join(source, "usr/src", version), join(root, "driver"));
  await mkdir(join(root, "kit"));
  const inside = async (...argv: string[]): Promise<string> => {
    const places = [
      "--bind",
      root,
      "/",
      "--ro-bind",
      kit,
      "/kit",
      "--proc",
      "/proc",
      "--dev",
      "/dev",
      "--tmpfs",
      "/tmp",
    ];
    const only = ["--unshare-all", "--clearenv", "--setenv", "PATH", "/kit/toolchain/bin", "--chdir", "/driver"];
    return (await run(["bwrap", ...places, ...only, "--", ...argv])).stdout;
  };
  await inside("make", "KERNELDIR=/kit/kernel-devel");
  await inside("strip", "--strip-debug", "scap.ko");
  const unsigned = await readFile(join(root, "driver/scap.ko"));
  const release = (await readFile(join(kit, "kernel-devel/include/config/kernel.release"), "utf8")).trim();
  return {
    release,
    unsigned,
    signedBy: async (key) => {
      await cp(key.privateKey, join(root, "driver/key.pem"));
      await cp(key.certificate, join(root, "driver/key.crt"));
      await inside("/kit/kernel-devel/scripts/sign-file", "sha256", "key.pem", "key.crt", "scap.ko", "signed.ko");
      return await readFile(join(root, "driver/signed.ko"));
    },
  };
}

/** Of a container that has nothing installed. */
async function keepShellOnly(root: string): Promise<void> {
  for (const name of await readdir(join(root, "bin"))) {
    if (!["busybox", "sh"].includes(name)) await rm(join(root, "bin", name));
  }
}
