/** `./orlop bench` */
import type { BenchReport } from "../bench/report.ts";
import { say } from "../lib/progress.ts";
import { verb } from "./context.ts";

type Benchmark = (signal: AbortSignal) => Promise<BenchReport>;

const benchmarks = {
  boot: async (): Promise<Benchmark> => (await import("../bench/boot/boot.ts")).benchBoot,
  encryption: async (): Promise<Benchmark> => (await import("../bench/boot/encryption.ts")).benchEncryption,
  labels: async (): Promise<Benchmark> => (await import("../bench/boot/labels.ts")).benchLabels,
  architectures: async (): Promise<Benchmark> => (await import("../bench/boot/architectures.ts")).benchArchitectures,
  api: async (): Promise<Benchmark> => (await import("../bench/api.ts")).benchApi,
  containers: async (): Promise<Benchmark> => (await import("../bench/containers.ts")).benchContainers,
  update: async (): Promise<Benchmark> => (await import("../bench/update/update.ts")).benchUpdate,
  node: async (): Promise<Benchmark> => (await import("../bench/node.ts")).benchNode,
  image: async (): Promise<Benchmark> => (await import("../bench/image.ts")).benchImage,
  console: async (): Promise<Benchmark> => (await import("../bench/console.ts")).benchConsole,
  fleet: async (): Promise<Benchmark> => (await import("../bench/fleet/simulation.ts")).benchFleet,
};
/** In place of all names. */
const all = "all";
type Name = keyof typeof benchmarks;
const isName = (text: string): text is Name => Object.hasOwn(benchmarks, text);

export const bench = verb({
  name: "bench",
  summary: "Measure ours beside a peer and beside the limit, in one run",
  description: "Figures of a quiet machine are in docs/benchmarks.md.",
  examples: [
    { run: "./orlop bench boot", description: "kernel start to multi-user, beside stock Debian" },
    { run: "./orlop bench api --json", description: "the host's API" },
    { run: "./orlop bench all", description: "everything, in hours" },
  ],
  arguments: {
    names: { value: "NAME", help: "What to measure", many: true, choices: [...Object.keys(benchmarks), all] },
  },
  async run({ invocation: { signal } }, { names }): Promise<BenchReport[]> {
    const wanted = names.includes(all) ? Object.keys(benchmarks) : names;
    const reports: BenchReport[] = [];
    for (const name of wanted.filter(isName)) {
      try {
        reports.push(await (await benchmarks[name]())(signal));
      } catch (error) {
        // What took an hour is not lost by what comes after it.
        if (reports.length > 0) say(await tables(reports));
        throw error;
      }
    }
    return reports;
  },
  print: tables,
});

async function tables(reports: readonly BenchReport[]): Promise<string> {
  const { table } = await import("../bench/report.ts");
  return reports.map(table).join("\n\n");
}
