/** Protects: an OVA has the form that DMTF's standard wants, vouches for itself, and holds the disk that was built. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash, randomBytes, verify, X509Certificate } from "node:crypto";
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { openToolsRoot, runTool } from "../../image/packages/tools-root.ts";
import { buildDirectory } from "../context.ts";
import { invoke } from "../../lib/command/command-line.ts";
import { makeBuild } from "../../test/worlds/publish/build.ts";
import { ovfProblems } from "../../test/worlds/vmware/xml-schema.ts";
import { orlop } from "../main.ts";

const publishing = await orlop(["publish"]);

let directory: string;
let name: string;
const file = (path: string): string => join(directory, path);

/** As a person types it, who is somewhere. */
const here = (path: string): string => relative(process.cwd(), path);

beforeAll(async () => {
  // Below where the tests run, so that a path from here means nothing elsewhere.
  await mkdir(buildDirectory, { recursive: true });
  directory = await mkdtemp(join(buildDirectory, "publish-ova-"));
  ({ name } = await makeBuild(directory, { variant: "vmware-k8s-1.35", commit: "00000001", image: await disk() }));
  const tools = await openToolsRoot();
  const request = ["-x509", "-newkey", "rsa:2048", "-noenc", "-sha256", "-days", "2", "-subj", "/CN=Test"];
  const files = ["-keyout", file("ova.key"), "-out", file("ova.pem")];
  await runTool(tools, ["openssl", "req", ...request, ...files], { binds: [directory] });
}, 120_000);
afterAll(async () => await rm(directory, { recursive: true }));

/** 48 MiB, of which some hold something. */
async function disk(): Promise<string> {
  const path = file("disk");
  await using handle = await open(path, "w");
  await handle.truncate(48 * 2 ** 20);
  for (const mebibyte of [0, 7, 31, 47]) await handle.write(randomBytes(70_000), 0, 70_000, mebibyte * 2 ** 20);
  return path;
}

async function publish(output: string, ...words: string[]): Promise<Map<string, Blob>> {
  await mkdir(file(output), { recursive: true });
  const signer = ["--key", file("ova.key"), "--certificate", file("ova.pem")];
  const outcome = await invoke(publishing, [
    "publish",
    "ova",
    here(directory),
    "--output",
    here(file(output)),
    ...signer,
    ...words,
  ]);
  if (outcome.exitCode !== 0) throw new Error(outcome.stderr);
  const archive = new Bun.Archive(await readFile(file(`${output}/${name}.ova`)));
  return new Map(await archive.files());
}

test("the descriptor is valid, and asks for EFI, PVSCSI, vmxnet3 and user data", async () => {
  const files = await publish("first");
  const descriptor = (await files.get(`${name}.ovf`)?.text()) ?? "";
  await writeFile(file("descriptor.ovf"), descriptor);
  expect(await ovfProblems(file("descriptor.ovf"))).toBe("");
  for (const part of [
    'vmw:key="firmware" vmw:value="efi"',
    ">VirtualSCSI<",
    ">VmxNet3<",
    'ovf:key="guestinfo.userdata"',
  ]) {
    expect(descriptor).toContain(part);
  }
  const swapped = descriptor.replace(/(<rasd:ElementName>[^]*?\n)(\s*<rasd:InstanceID>[^]*?\n)/, "$2$1");
  expect(swapped).not.toBe(descriptor);
  await writeFile(file("wrong.ovf"), swapped);
  expect(await ovfProblems(file("wrong.ovf"))).toContain("ElementName");
});

test("the manifest has every file, and its signature is that of the certificate", async () => {
  const files = await publish("second");
  // The order is part of the format.
  expect([...files.keys()]).toEqual(["ovf", "mf", "cert", "vmdk"].map((suffix) => `${name}.${suffix}`));
  const manifest = (await files.get(`${name}.mf`)?.text()) ?? "";
  const lines = await Promise.all(
    ["ovf", "vmdk"].map(async (suffix) => {
      const bytes = (await files.get(`${name}.${suffix}`)?.bytes()) ?? new Uint8Array();
      return `SHA256(${name}.${suffix})= ${createHash("sha256").update(bytes).digest("hex")}\n`;
    }),
  );
  expect(manifest).toBe(lines.join(""));
  const [line = "", ...pem] = ((await files.get(`${name}.cert`)?.text()) ?? "").split("\n");
  const signature = Buffer.from(/^SHA256\(\S+\.mf\)= ([0-9a-f]+)$/.exec(line)?.[1] ?? "", "hex");
  const certificate = new X509Certificate(pem.join("\n"));
  expect(certificate.subject).toBe("CN=Test");
  expect(verify("sha256", Buffer.from(manifest), certificate.publicKey, signature)).toBe(true);
  expect(verify("sha256", Buffer.from(`${manifest} `), certificate.publicKey, signature)).toBe(false);
});

test("the disk that comes out is the one that went in, larger, and the same each time", async () => {
  const [first, second] = [await publish("third", "--disk-size", "1"), await publish("fourth", "--disk-size", "1")];
  const vmdk = await first.get(`${name}.vmdk`)?.bytes();
  expect(Buffer.from((await second.get(`${name}.vmdk`)?.bytes()) ?? []).equals(Buffer.from(vmdk ?? []))).toBe(true);
  await writeFile(file("disk.vmdk"), vmdk ?? "");
  await runTool(await openToolsRoot(), ["qemu-img", "convert", "-O", "raw", file("disk.vmdk"), file("imported")], {
    binds: [directory],
  });
  const imported = await readFile(file("imported"));
  const image = await readFile(file("disk"));
  expect(imported.length).toBe(2 ** 30);
  expect(imported.subarray(0, image.length).equals(image)).toBe(true);
  expect(imported.subarray(image.length).equals(Buffer.alloc(imported.length - image.length))).toBe(true);
});

test("an image of another architecture, or a certificate of another key, is refused", async () => {
  const other = file("aarch64");
  await mkdir(other);
  await makeBuild(other, { variant: "metal-dev", architecture: "aarch64", commit: "00000002", image: file("disk") });
  const refused = await invoke(publishing, ["publish", "ova", other]);
  expect(refused.stderr).toContain("it is for aarch64, expected x86_64");
  const { stderr } = await invoke(publishing, ["publish", "ova", directory, "--key", file("ova.key")]);
  expect(stderr).toContain("--key and --certificate go together");
});
