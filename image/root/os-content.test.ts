import { expect, test } from "bun:test";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { osFiles, placeOsContent } from "./os-content.ts";

test("a file of the OS has its content and one mode, whatever the mask of the clone that it lies in", async () => {
  const folder = await mkdtemp(join(tmpdir(), "orlop-os-content-"));
  try {
    await mkdir(join(folder, "os/sysctl"), { recursive: true });
    const source = join(folder, "os/sysctl/50-orlop.conf");
    await writeFile(source, "kernel.panic = 10\n");
    await chmod(source, 0o600);
    const root = join(folder, "root");
    await placeOsContent(root, await osFiles([], join(folder, "os")));
    const placed = join(root, "usr/lib/sysctl.d/50-orlop.conf");
    expect(await readFile(placed, "utf8")).toBe("kernel.panic = 10\n");
    expect((await stat(placed)).mode & 0o777).toBe(0o644);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
