/** A week of a large fleet in virtual time: how long that takes, and how much memory. */
import { join } from "node:path";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { z } from "zod";
import { parseJson } from "../../lib/text/json.ts";
import { addUpdate, emptyManifest } from "../../repo/manifest.ts";
import { shippedPolicies, wavesFrom } from "../../cli/repo/wave-options.ts";
import { computer, type BenchReport } from "../report.ts";

const nodes = 100_000;
const mebibyte = 1024 * 1024;
const limits = { seconds: 60, bytes: 500 * mebibyte };
const Measured = z.object({ seconds: z.number() });

export async function benchFleet(signal: AbortSignal): Promise<BenchReport> {
  const directory = await mkdtemp(join(tmpdir(), "bench-fleet-"));
  try {
    const [waves] = shippedPolicies;
    const images = { boot: "boot", root: "root", hash: "hash" };
    const update = { version: "1.1.0", images, waves: await wavesFrom({ waves, start: "2026-12-01T00:00:00Z" }) };
    const manifest = addUpdate(emptyManifest, { variant: "metal-k8s-1.35", arch: "x86_64" }, update);
    const [policyFile, manifestFile] = [join(directory, "policy.yaml"), join(directory, "manifest.json")];
    await writeFile(manifestFile, JSON.stringify(manifest));
    await writeFile(policyFile, "spec: { maxUnavailable: 2%, maxPreparing: 500 }\n");
    const main = join(import.meta.dir, "../../cli/main.ts");
    const files = ["--policy", policyFile, "--manifest", manifestFile];
    // Memory is that of a process, so the simulation gets one of its own.
    const simulation = Bun.spawn(
      [process.execPath, main, "simulate", "fleet", "--json", "--nodes", String(nodes), "--running", "1.0.0", ...files],
      { stdout: "pipe", stderr: "inherit", signal },
    );
    const { seconds } = Measured.parse(parseJson(await new Response(simulation.stdout).text()));
    await simulation.exited;
    const used = simulation.resourceUsage();
    return {
      benchmark: "fleet",
      ours: `./orlop simulate fleet: ${nodes} nodes for 7 days of virtual time, the default waves`,
      limit: "what a simulation may take on two cores",
      figures: [
        { name: "a week", unit: "seconds", ours: seconds, limit: limits.seconds, goal: { beside: "limit", atMost: 1 } },
        // Other work on the computer counts for the time, and not for this.
        { name: "processor time of it", unit: "seconds", ours: Number(used?.cpuTime.total ?? Number.NaN) / 1e6 },
        {
          name: "memory at most",
          unit: "bytes",
          ours: used?.maxRSS ?? Number.NaN,
          limit: limits.bytes,
          goal: { beside: "limit", atMost: 1 },
        },
      ],
      notes: ["judge, decide and obey are the shipping ones; one run"],
      computer: computer(),
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
