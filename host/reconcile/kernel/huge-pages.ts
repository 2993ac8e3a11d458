/**
 * Huge pages from `settings.kernel.hugepages`: how many are set aside, and for whom the kernel makes some by itself.
 *
 * The kernel gives as many as it finds memory in one piece for, most of them at boot. When fewer could be had,
 * essential ones fail, and the boot with them; others are reported as what a reboot may mend, and
 * `/run/orlop/huge-pages` keeps that it was tried. What is no longer set stays until the next boot. A size that this
 * machine does not have is a warning. Source: kernel Documentation/admin-guide/mm/hugetlbpage.rst and transhuge.rst.
 */
import { constants, writeFile } from "node:fs/promises";
import { Failure, isNotFound } from "../../../lib/failure.ts";
import { readTextIfPresent, writeFileAtomic } from "../../../lib/files/files.ts";
import { hostPath, type System } from "../../machine/system.ts";
import { reconciler } from "../reconciler.ts";

export const tooFewHugePages = "too-few-huge-pages";
const triedPath = "/run/orlop/huge-pages";
const kibibytes = { "64Ki": 64, "2Mi": 2048, "32Mi": 32_768, "512Mi": 524_288, "1Gi": 1_048_576, "16Gi": 16_777_216 };
const sizes = ["64Ki", "2Mi", "32Mi", "512Mi", "1Gi", "16Gi"] as const;

/** Pages of one size, of the machine or of one of its NUMA nodes. */
type Pool = { label: string; path: string; count: number; essential: boolean };
type Switch = { label: string; path: string; value: string };
type Desired = { pools: readonly Pool[]; switches: readonly Switch[] };
type Actual = {
  /** By path; undefined where the kernel has no such file. */
  values: ReadonlyMap<string, string | undefined>;
  /** For which counts, by path, there was not enough memory. */
  tried: string;
};
type Step = { kind: "pages"; pool: Pool } | { kind: "switch"; to: Switch };

export const hugePages = reconciler<Desired, Actual, Step>({
  name: "huge-pages",
  desired({ kernel: { hugepages } }) {
    const { essential, ...counts } = hugepages.static;
    const { enabled, defrag } = hugepages.transparent;
    return {
      pools: sizes.flatMap((size) => poolsOf(size, counts[size].count ?? "", essential)),
      switches: [switchOf("enabled", enabled), switchOf("defrag", defrag)].flat(),
    };
  },
  async observe(system, { pools, switches }) {
    const values = new Map<string, string | undefined>();
    for (const { path } of [...pools, ...switches]) values.set(path, await readTextIfPresent(hostPath(system, path)));
    return { values, tried: (await readTextIfPresent(hostPath(system, triedPath))) ?? "" };
  },
  plan({ pools, switches }, { values, tried }) {
    return [
      ...pools
        .filter((pool) => pool.essential || (values.get(pool.path) !== undefined && !wasTried(tried, pool)))
        .filter((pool) => countIn(values.get(pool.path)) !== pool.count)
        .map((pool) => ({ kind: "pages" as const, pool })),
      ...switches
        .filter(({ path, value }) => values.get(path)?.includes(`[${value}]`) === false)
        .map((to) => ({ kind: "switch" as const, to })),
    ];
  },
  rebootNeeded: ({ pools }, { values, tried }) =>
    pools
      .filter((pool) => wasTried(tried, pool) && countIn(values.get(pool.path)) < pool.count)
      .map(
        ({ label, path, count }) => `only ${countIn(values.get(path))} of ${count} huge pages of ${label} could be had`,
      ),
  warnings: ({ pools, switches }, { values }) => [
    ...pools
      .filter(({ path, essential }) => values.get(path) === undefined && !essential)
      .map(({ label, path }) => missing(`huge pages of ${label}`, path)),
    ...switches
      .filter(({ path }) => values.get(path) === undefined)
      .map(({ label, path }) => missing(`${label} of transparent huge pages`, path)),
  ],
  describe(step) {
    if (step.kind === "pages") return { description: `set aside ${step.pool.count} huge pages of ${step.pool.label}` };
    return { description: `set ${step.to.label} of transparent huge pages to ${step.to.value}` };
  },
  async apply(system, step) {
    if (step.kind === "switch") return await write(system, step.to.path, step.to.value, step.to.label);
    const { pool } = step;
    await write(system, pool.path, String(pool.count), `huge pages of ${pool.label}`);
    const had = countIn(await readTextIfPresent(hostPath(system, pool.path)));
    if (had >= pool.count) return;
    if (pool.essential) {
      const reason = `${had} of ${pool.count} could be had`;
      throw new Failure(tooFewHugePages, `cannot set aside huge pages of ${pool.label}: ${reason}`);
    }
    const tried = (await readTextIfPresent(hostPath(system, triedPath))) ?? "";
    await writeFileAtomic(hostPath(system, triedPath), `${tried}${markOf(pool)}`);
  },
  afterFailure: "continue",
});

/** @param setting "512" for the machine, "0:512,1:256" by NUMA node, "" for nothing */
function poolsOf(size: (typeof sizes)[number], setting: string, essential: boolean): Pool[] {
  const file = `hugepages-${kibibytes[size]}kB/nr_hugepages`;
  return setting
    .split(",")
    .filter((part) => part !== "")
    .map((part) => {
      const [node, count] = part.includes(":") ? part.split(":") : [undefined, part];
      return node === undefined
        ? { label: size, path: `/sys/kernel/mm/hugepages/${file}`, count: Number(count), essential }
        : {
            label: `${size} on node ${node}`,
            path: `/sys/devices/system/node/node${node}/hugepages/${file}`,
            count: Number(count),
            essential,
          };
    });
}

function switchOf(name: "enabled" | "defrag", value: string | undefined): Switch[] {
  return value === undefined ? [] : [{ label: name, path: `/sys/kernel/mm/transparent_hugepage/${name}`, value }];
}

const countIn = (text: string | undefined): number => Number(text?.trim() ?? "0");
const markOf = ({ path, count }: Pool): string => `${path} ${count}\n`;
const wasTried = (tried: string, pool: Pool): boolean => tried.includes(markOf(pool));

async function write(system: System, path: string, value: string, subject: string): Promise<void> {
  try {
    await writeFile(hostPath(system, path), value, { flag: constants.O_WRONLY | constants.O_TRUNC });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new Failure("no-such-huge-pages", missing(subject, path));
  }
}

const missing = (subject: string, path: string): string =>
  `cannot set ${subject}: this kernel or processor has no ${path}`;
