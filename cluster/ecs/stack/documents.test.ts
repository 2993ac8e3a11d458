import { expect, test } from "bun:test";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../../lib/program/process.ts";
import { documents } from "./documents.ts";

/** What a shell makes of a document, with an `apiclient` that says what it was asked. */
async function ran(lines: readonly string[], boot: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "document-"));
  try {
    const program = join(directory, "apiclient");
    await writeFile(program, '#!/bin/sh\necho "apiclient $*"\n');
    await chmod(program, 0o755);
    const script = lines.join("\n").replaceAll("{{ BootId }}", boot);
    return (await run(["sh", "-c", script], { env: { PATH: `${directory}:/usr/bin:/bin` } })).stdout.trim();
  } finally {
    await rm(directory, { recursive: true });
  }
}

test("a reboot is for the boot that it names, and for any where it names none", async () => {
  const [{ inputs }] = documents.reboot.mainSteps;
  const boot = (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
  expect(await ran(inputs.runCommand, boot)).toBe("apiclient reboot");
  expect(await ran(inputs.runCommand, "")).toBe("apiclient reboot");
  expect(await ran(inputs.runCommand, "00000000-0000-4000-8000-000000000000")).toBe("");
});

test("the boot of a reboot cannot be anything that a shell would run", () => {
  const pattern = new RegExp(documents.reboot.parameters?.["BootId"]?.allowedPattern ?? "");
  expect(pattern.test("00000000-0000-4000-8000-000000000000")).toBe(true);
  expect(pattern.test('"; reboot #')).toBe(false);
  expect(pattern.test("$(reboot)")).toBe(false);
});
