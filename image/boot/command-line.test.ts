import { expect, test } from "bun:test";
import type { Orchestrator } from "../../variants/variant.ts";
import type { Verity } from "../verity.ts";
import { commandLine } from "./command-line.ts";

const verity: Verity = {
  rootHash: "ab".repeat(32),
  salt: "cd".repeat(32),
  dataBlocks: 1000,
  rootUuid: "00112233-4455-8677-8899-aabbccddeeff",
  hashUuid: "10112233-4455-8677-8899-aabbccddeeff",
};
const orchestrator = { kind: "none" } as const;
const qemu = { platform: "qemu", kernelParameters: ["crashkernel=256M"], orchestrator } as const;

/** As the kernel splits it: quotes hold words together. */
function words(line: string): string[] {
  return line.match(/(?:[^\s"]|"[^"]*")+/g) ?? [];
}

test("the signed command line carries the root hash and the table that opens the root", () => {
  const line = words(commandLine(qemu, "x86_64", verity));
  expect(line).toContain(`roothash=${verity.rootHash}`);
  expect(line).toContain("veritysize=8000");
  expect(line).toContain(
    `veritytable="4096 4096 1000 1 sha256 ${verity.rootHash} ${verity.salt} 1 panic_on_corruption"`,
  );
});

test("what the initrd reads from its environment has no dot, or the kernel would keep it", () => {
  const names = words(commandLine(qemu, "x86_64", verity)).map((word) => word.split("=", 1)[0]);
  for (const name of ["roothash", "rootuuid", "hashuuid", "veritysize", "veritytable"]) expect(names).toContain(name);
});

test("parameters of the variant come first", () => {
  expect(words(commandLine(qemu, "x86_64", verity))[0]).toBe("crashkernel=256M");
});

test("the last console is the serial port of the architecture", () => {
  const consoles = (architecture: "x86_64" | "aarch64", platform: "qemu" | "metal"): string[] =>
    words(commandLine({ platform, kernelParameters: [], orchestrator }, architecture, verity)).filter((word) =>
      word.startsWith("console="),
    );
  expect(consoles("x86_64", "qemu")).toEqual(["console=ttyS0"]);
  expect(consoles("aarch64", "qemu")).toEqual(["console=ttyAMA0"]);
  expect(consoles("x86_64", "metal").at(-1)).toBe("console=ttyS0,115200n8");
});

test("interfaces have names by place on hardware and are eth0 elsewhere", () => {
  expect(commandLine(qemu, "x86_64", verity)).toContain("net.ifnames=0");
  expect(commandLine({ platform: "metal", kernelParameters: [], orchestrator }, "x86_64", verity)).not.toContain(
    "net.ifnames",
  );
});

test("the policy is enforced as soon as there is one, unless a parameter of the variant says otherwise", () => {
  const mode = (kernelParameters: string[], runs: Orchestrator = orchestrator) =>
    words(commandLine({ platform: "qemu", kernelParameters, orchestrator: runs }, "x86_64", verity)).find((word) =>
      word.startsWith("enforcing="),
    );
  expect(mode([])).toBe("enforcing=1");
  expect(mode(["enforcing=0"])).toBe("enforcing=0");
  expect(mode([], { kind: "ecs" })).toBe("enforcing=0");
  expect(mode([], { kind: "kubernetes", minor: "1.35" })).toBe("enforcing=1");
});

test("a variant may name the security modules of its kernel, which are those that hosts use otherwise", () => {
  const modules = (kernelParameters: string[]) =>
    words(commandLine({ platform: "qemu", kernelParameters, orchestrator }, "x86_64", verity)).filter((word) =>
      word.startsWith("lsm="),
    );
  expect(modules([])).toEqual(["lsm=lockdown,landlock,yama,selinux"]);
  expect(modules(["lsm=lockdown,yama"])).toEqual(["lsm=lockdown,yama"]);
});
