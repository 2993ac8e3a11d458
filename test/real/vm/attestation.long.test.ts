/**
 * Protects: a machine with a TPM shows what it runs, to who asks from afar, and nobody believes it when it is anything else:
 * another image, other words on its command line, other settings. Updates and the way back are no exception.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Verified } from "../../../api/attestation/verified.ts";
import { apiclient } from "../../../host/commands/apiclient.ts";
import { invoke } from "../../../lib/command/command-line.ts";
import { parseJson } from "../../../lib/text/json.ts";
import { machineFiles } from "../../../vm/machine-files.ts";
import { newer, older, PublishedImages } from "./published-images.ts";
import { TestHost } from "./test-host.ts";
import { UpdatingHost } from "./updating-host.ts";

const buildMs = 1_200_000;

let published: PublishedImages;
let host: TestHost;
let updating: UpdatingHost;
let keys: string;
let manifests: Readonly<Record<"older" | "newer", string>>;

beforeAll(async () => {
  published = await PublishedImages.open("attestation");
  const { images } = published;
  manifests = { older: images.older.manifestPath, newer: images.newer.manifestPath };
  keys = await mkdtemp(join(tmpdir(), "attestation-"));
  host = await TestHost.boot("attestation", { image: images.older.image, userData: published.userData(), tpm: true });
  updating = new UpdatingHost(host);
}, buildMs);
afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  published?.[Symbol.dispose]();
  await rm(keys, { recursive: true, force: true });
});

/** `apiclient verify` on this computer, with the key of the machine's TPM as it was at the first time. */
async function verify(...words: string[]): Promise<{ verified: Verified } | { refused: string }> {
  const access = await host.running.access();
  if (access === undefined) throw new Error("the host has not announced its API");
  const { certificate, key } = machineFiles(host.machine.directory);
  const options = [
    "--host",
    access.url,
    "--cert",
    certificate,
    "--key",
    key,
    "--fingerprint",
    access.trust.fingerprint,
  ];
  const command = [...options, "verify", join(keys, "machine.pem"), ...words, "--json"];
  const { exitCode, stdout, stderr } = await invoke(apiclient, command);
  return exitCode === 0 ? { verified: parseJson(stdout) as Verified } : { refused: stderr };
}

async function accepted(...words: string[]): Promise<Verified> {
  const answer = await verify(...words);
  if ("refused" in answer) throw new Error(answer.refused);
  return answer.verified;
}

async function refusal(...words: string[]): Promise<string> {
  const answer = await verify(...words);
  if ("verified" in answer) throw new Error(`${answer.verified.image} was believed`);
  return answer.refused;
}

test("the log of real firmware leads to what the TPM signs: this image, these words, this version of settings", async () => {
  const { image, commandLine, addedWords, secureBoot, settings } = await accepted(manifests.older);
  expect(image).toMatch(new RegExp(`^orlop-dev-x86_64-${older.replaceAll(".", "\\.")}-`));
  expect(await host.shell.run("cat /proc/cmdline")).toBe(commandLine);
  expect({ addedWords, secureBoot }).toEqual({ addedWords: "", secureBoot: false });
  expect(settings.version).toBe((await host.status()).settings.version);
});

test("another TPM is refused, and the machine's own is known after its power was cut", async () => {
  const { tpmState: own } = machineFiles(host.machine.directory);
  const kept = `${own}.kept`;
  await restarted(async () => await rename(own, kept));
  expect(await refusal(manifests.older)).toContain("another TPM answered");
  await restarted(async () => {
    await rm(own, { recursive: true });
    await rename(kept, own);
  });
  await accepted(manifests.older);
});

async function restarted(meanwhile: () => Promise<void>): Promise<void> {
  await host.shell.run("sync");
  await host.cutPower();
  await meanwhile();
  await host.switchOn();
  await host.untilConfigured();
}

test("one other letter in a setting is refused by who expects what was there before", async () => {
  const { settings: before } = await accepted(manifests.older);
  await host.commit({ motd: "Welcome to Orlop?" });
  expect(await refusal(manifests.older, "--settings", before.digest)).toContain("its settings, at version");
  const { settings: after } = await accepted(manifests.older);
  expect(after.version).toBe(before.version + 1);
  await host.reset("settings.motd");
  expect((await accepted(manifests.older, "--settings", before.digest)).settings.version).toBe(before.version + 2);
});

test("one other word on the command line is refused by who does not expect it", async () => {
  await host.commit({ boot: { "kernel-parameters": { quiet: [] } } });
  await host.reboot();
  expect(await refusal(manifests.older)).toContain('other words added than ""');
  expect((await accepted(manifests.older, "--added-words", "quiet")).addedWords).toBe("quiet");
  await host.reset("settings.boot.kernel-parameters");
});

test("an update is what it is by its own manifest, and the way back is too", async () => {
  await updating.apply(newer);
  await host.reboot();
  expect(await updating.proved()).toBe(newer);
  expect(await refusal(manifests.older)).toContain("it runs none of");
  // The boot loader is that of the image which the machine began with.
  expect(await accepted(manifests.newer, manifests.older)).toMatchObject({
    image: expect.stringContaining(`-${newer}-`),
    addedWords: "",
  });
  await updating.lockTo(older);
  await updating.apply(older);
  await host.reboot();
  expect(await updating.proved()).toBe(older);
  expect((await accepted(manifests.older, manifests.newer)).image).toContain(`-${older}-`);
});

test("one other byte in the file of its kernel is refused", async () => {
  // Without Secure Boot the firmware starts it all the same.
  const file = "/efi/EFI/orlop/$set.efi";
  const at = `$(($(grep -abo loglevel=4 ${file} | head -1 | cut -d: -f1) + 9))`;
  await host.shell.run(
    `for set in a b; do printf 5 | dd of=${file} bs=1 seek=${at} conv=notrunc status=none; done; sync`,
    120_000,
  );
  await host.reboot();
  expect(await host.shell.run("cat /proc/cmdline")).toContain("loglevel=5");
  expect(await refusal(manifests.older, manifests.newer)).toContain("it runs none of");
});
