/** Protects: an installer that could not do what it is for is not made, and the reason is told where it was asked for. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { signEfi } from "../../image/boot/sign.ts";
import { openSigningKey } from "../../image/boot/signing-key.ts";
import { packagesOf, readLock } from "../../image/packages/lock.ts";
import { openToolsRoot } from "../../image/packages/tools-root.ts";
import { unpackLoaders } from "../../image/steps/boot.ts";
import { signaturesIn } from "../../lib/efi/authenticode.ts";
import { invoke } from "../../lib/command/command-line.ts";
import { makeBuild } from "../../test/worlds/publish/build.ts";
import { orlop } from "../main.ts";

const publishing = await orlop(["publish"]);
let directory: string;
let image: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "publish-installers-"));
  image = join(directory, "disk");
  await writeFile(image, "a disk");
});
afterAll(async () => await rm(directory, { recursive: true }));

async function refused(variant: string, kind: "iso" | "netboot", ...words: string[]): Promise<string> {
  const { manifestPath } = await makeBuild(directory, { variant, commit: "00000002", image });
  const { exitCode, stderr } = await invoke(publishing, ["publish", kind, manifestPath, ...words]);
  expect(exitCode).not.toBe(0);
  return stderr;
}

test("images of clouds have no installer", async () => {
  const reason = "cannot make an installer of orlop-aws-dev-x86_64-0.2.0-00000002: it is for aws, expected metal";
  expect(await refused("aws-dev", "iso")).toContain(reason);
});

test("user data that a host would not take is refused with its place", async () => {
  const path = join(directory, "user-data.toml");
  await writeFile(path, '[settings]\nmotd = "x"\n[settings.kernel]\nlockdown = "on"\n');
  const reason = await refused("metal-dev", "iso", "--user-data", path);
  expect(reason).toContain(`cannot hand over ${path}: a host would not take it`);
  expect(reason).toContain(`${path}:4:12: settings.kernel.lockdown must be one of`);
});

test("what a build of somebody's own variant is, its file tells: its settings, and who signs its images", async () => {
  const file = async (name: string, text: string): Promise<string> => {
    const path = join(directory, `${name}.toml`);
    await writeFile(path, text);
    return path;
  };
  const edge = await file("edge", 'name = "edge"\nbase = "metal-dev"\nsigning-keys = "edge-keys"\n');
  const cloud = await file("cloud", 'name = "cloud"\nbase = "aws-dev"\n');
  const userData = await file("edge-user-data", "[settings.kubernetes]\nmax-pods = 20\n");
  expect(await refused("edge", "iso")).toContain("the table has no edge");
  expect(await refused("edge", "iso", "--variant-file", cloud)).toContain(`${cloud} describes cloud`);
  expect(await refused("cloud", "iso", "--variant-file", cloud)).toContain("it is for aws, expected metal");
  expect(await refused("edge", "iso", "--variant-file", edge, "--user-data", userData)).toContain(
    "settings.kubernetes does not exist in variant edge",
  );
});

test("an installer that firmware would not start beside the image's own signer is not made", async () => {
  const tools = await openToolsRoot();
  const place = (...names: string[]): string => join(directory, "signed", ...names);
  await mkdir(place());
  await unpackLoaders(place("loaders"), packagesOf(await readLock("x86_64"), ["boot"]));
  const [input, output] = [place("loader.efi"), place("signed.efi")];
  await copyFile(place("loaders/usr/lib/systemd/boot/efi/systemd-bootx64.efi"), input);
  const [signer, stranger] = [
    await openSigningKey(tools, "secure-boot", place("signer")),
    await openSigningKey(tools, "secure-boot", place("stranger")),
  ];
  await signEfi(tools, signer, { input, output, epochSeconds: 1_700_000_000 });
  const program = await readFile(output);
  const build = await makeBuild(place(), { variant: "metal-dev", commit: "00000003", image, unifiedImage: program });
  const words = ["--signing-key", stranger.privateKey, "--signing-certificate", stranger.certificate];
  const { stderr } = await invoke(publishing, ["publish", "iso", build.manifestPath, ...words]);
  expect(stderr).toContain(`its image is not signed by the key of ${stranger.certificate}`);
  const signatures = signaturesIn(program, output);
  expect(signatures.includes(new X509Certificate(await readFile(signer.certificate)).raw)).toBe(true);
  expect(signaturesIn(await readFile(input), input)).toHaveLength(0);
});

test("what is chosen is understood, or refused with what is expected", async () => {
  const asked = async (...words: string[]): Promise<string> => await refused("metal-dev", "iso", ...words);
  expect(await asked("--disk", "first")).toContain('cannot choose a disk by "first": expected only, smallest');
  expect(await asked("--user-data-from", "stick")).toContain('cannot take user data from "stick": an address such as');
  expect(await asked("--user-data", "a", "--user-data-from", "LABEL=A")).toContain("exclude each other");
  expect(await asked("--countdown", "soon")).toContain("a whole number of 1 or more is expected");
  expect(await refused("metal-dev", "netboot")).toContain("--url");
  expect(await refused("metal-dev", "netboot", "--url", "/srv/www")).toContain("an address such as http://");
});
