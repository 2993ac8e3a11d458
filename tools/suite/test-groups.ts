/**
 * Which tests there are. The name of a file says what it costs, and its folder what it needs: together they are the
 * group of `./orlop test` that runs it. Nothing else in the tree decides by these names.
 */
import { availableParallelism } from "node:os";
import { basename } from "node:path";
import { availableMemory } from "node:process";

/** What may stand between the subject of a file and `.test.ts`, in this order. Without a cost, a test takes milliseconds. */
export const suffixes = {
  ".fuzz": "thousands of inputs, made up or damaged by a seed that a failure prints; nothing may throw or hang",
  ".slow": "seconds each: it compiles, fetches or repeats",
  ".long": "minutes to hours: it boots machines dozens of times, or compiles Kubernetes",
} as const;

type TestGroup = {
  /** For `--help`. */
  about: string;
  /** Where its tests are, when they need what others do not. */
  folder?: `test/real/${string}/`;
  /** How many files run at a time. */
  workers: () => number;
  timeoutMs: number;
};

/** The guest's, QEMU's own for translated code, and the registry or cluster beside it. */
const memoryPerMachineBytes = 5 * 1024 ** 3;
/** Booting under emulation takes a while; no single test may take longer than this. */
const machineTestTimeoutMs = 20 * 60_000;

const alone = (): number => 1;
/** Nearly all machines have one processor, which they keep busy. */
const machinesAtOnce = (): number =>
  Math.max(1, Math.min(availableParallelism(), Math.floor(availableMemory() / memoryPerMachineBytes)));

/**
 * In the order in which they run: what costs least comes first, so that a failure shows early. Measured on two
 * processors with everything cached: cluster 23 s, conformance 33 s, image 107 s, slow 131 s; vm takes most by far.
 */
export const testGroups = {
  unit: { about: "tests that need no machine, a part of quick", workers: availableParallelism, timeoutMs: 30_000 },
  cluster: {
    about: "a Kubernetes control plane on this computer",
    folder: "test/real/cluster/",
    workers: alone,
    timeoutMs: machineTestTimeoutMs,
  },
  conformance: {
    about: "against the programs and suites of others",
    folder: "test/real/conformance/",
    workers: alone,
    timeoutMs: machineTestTimeoutMs,
  },
  image: {
    about: "builds the same images twice",
    folder: "test/real/image/",
    workers: alone,
    timeoutMs: machineTestTimeoutMs,
  },
  slow: { about: "tests that need no machine either and take seconds each", workers: alone, timeoutMs: 180_000 },
  vm: {
    about: "boots machines in QEMU",
    folder: "test/real/vm/",
    workers: machinesAtOnce,
    timeoutMs: machineTestTimeoutMs,
  },
  tours: {
    about: "every block of the tours in README.md, in a fresh copy of this repository; build/tours.log has its output",
    folder: "test/real/tours/",
    workers: alone,
    timeoutMs: machineTestTimeoutMs,
  },
  long: {
    about: "the tours, and updates broken in every way, power cuts, Secure Boot on machines; hours under emulation",
    workers: alone,
    timeoutMs: machineTestTimeoutMs,
  },
} as const satisfies Record<string, TestGroup>;
export type TestGroupName = keyof typeof testGroups;

/** The group that runs a file; two for tours, which are long. Undefined for a name that is no test's. */
export function groupsOf(file: string): TestGroupName[] | undefined {
  const name = /^[a-z0-9-]+(?:\.\d+)*(?:\.fuzz)?(?<cost>\.slow|\.long)?\.test\.ts$/.exec(basename(file));
  if (name === null) return undefined;
  const cost = name.groups?.["cost"];
  const folder = groupNames.find((group) => isIn(file, testGroups[group]));
  if (cost === ".long") return folder === "tours" ? ["tours", "long"] : ["long"];
  return [cost === ".slow" ? "slow" : (folder ?? "unit")];
}

export const groupNames = Object.keys(testGroups) as TestGroupName[];

function isIn(file: string, { folder }: TestGroup): boolean {
  return folder !== undefined && file.startsWith(folder);
}
