/**
 * Protects: the updater's TUF client does what the specification says, as the public conformance suite judges it.
 *
 * The suite (theupdateframework/tuf-conformance) is Python and not on the package index: name a checkout of it in
 * `ORLOP_TUF_CONFORMANCE`. It is installed into an environment of its own below the user's cache; `faketime` must be
 * there. It is run by name, since an ordinary run of the tests cannot fetch the suite:
 *
 * ```
 * ORLOP_TUF_CONFORMANCE=~/tuf-conformance bun test ./test/conformance/tuf-suite.ts
 * ```
 */
import { expect, test } from "bun:test";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { run, ask } from "../../../lib/program/process.ts";

const checkout = process.env["ORLOP_TUF_CONFORMANCE"];
const environment = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "orlop/tuf-conformance");
const timeoutMs = 600_000;

test(
  "every test of the public conformance suite passes",
  async () => {
    if (checkout === undefined) throw new Error("ORLOP_TUF_CONFORMANCE names no checkout");
    await run(["python3", "-m", "venv", environment]);
    await run([join(environment, "bin/pip"), "install", "--quiet", checkout]);
    const scratch = await mkdtemp(join(tmpdir(), "orlop-conformance-"));
    try {
      const client = join(scratch, "client");
      await writeFile(
        client,
        `#!/bin/sh\nexec '${process.execPath}' '${join(import.meta.dir, "tuf-client.ts")}' "$@"\n`,
      );
      await chmod(client, 0o755);
      const { stdout, exitCode } = await ask([
        join(environment, "bin/pytest"),
        "--quiet",
        "--tb=short",
        join(checkout, "tuf_conformance"),
        `--entrypoint=${client}`,
      ]);
      const summary = stdout.trim().split("\n").at(-1) ?? "";
      expect([exitCode, summary]).toEqual([0, expect.stringMatching(/^\d+ passed in /)]);
      expect(Number.parseInt(summary, 10)).toBeGreaterThan(100);
    } finally {
      await rm(scratch, { recursive: true });
    }
  },
  timeoutMs,
);
