/** `./orlop simulate`: what policies do to a fleet, before they do it. */
import { formatDuration, parseDuration } from "../../lib/duration.ts";
import { usageFailure } from "../../lib/command/command.ts";
import { verb } from "../context.ts";
import { simulateFleet } from "./simulate-fleet.ts";

export const simulateGroups = { simulate: "What policies do to a fleet, in virtual time" } as const;

const waves = verb({
  name: "simulate waves",
  summary: "Say what a wave policy does to a fleet, and recommend one",
  description: `The blast radius is the largest share of the fleet to which a version opens within the notice time: so many hosts
take a version that is bad for them before it is recalled. With --blast-radius a policy is recommended that keeps to it.`,
  examples: [
    { run: "./orlop simulate waves repo/waves/policies/default.toml", description: "what ships with `./orlop repo`" },
    {
      run: "./orlop simulate waves my-waves.toml --notice 2h --blast-radius 5",
      description: "and one that keeps to 5 %",
    },
  ],
  options: {
    notice: {
      type: "text",
      value: "TIME",
      help: "How long a bad version is out before it is recalled",
      default: "4h",
      parse: (text: string) => parseDuration(text) * 1000,
    },
    "blast-radius": { type: "text", value: "PERCENT", help: "Recommend a policy", parse: percent },
  },
  arguments: { file: { value: "FILE", help: "A wave policy, TOML", complete: "files" } },
  async run(_context, { file, notice: noticeMs, "blast-radius": radius }) {
    const [{ readText }, { wavesOf }, { recommendedPolicy, waveReach }] = await Promise.all([
      import("../repo/context.ts"),
      import("../../repo/waves/wave-policy.ts"),
      import("../../cluster/simulator/wave-reach.ts"),
    ]);
    const start = new Date(0);
    const reachOf = (toml: string, name: string) => waveReach(wavesOf(toml, start, name), start, noticeMs);
    const reach = reachOf(await readText(file), file);
    if (radius === undefined) return { noticeMs, reach };
    const policy = recommendedPolicy(radius, noticeMs);
    return { noticeMs, reach, recommended: { policy, reach: reachOf(policy, "recommended") } };
  },
  print({ noticeMs, reach, recommended }) {
    const lines = reachLines(reach, noticeMs);
    if (recommended === undefined) return lines.join("\n");
    return [...lines, "", ...reachLines(recommended.reach, noticeMs), "", recommended.policy.trimEnd()].join("\n");
  },
});

type Reach = ReturnType<typeof import("../../cluster/simulator/wave-reach.ts").waveReach>;

function reachLines({ waves: each, reached, blastRadius }: Reach, noticeMs: number): string[] {
  return [
    ...each.map(({ opensMs, lastsMs, share, shareSoFar }, index) => {
      const pace = lastsMs === 0 ? "all at once" : `over ${time(lastsMs)}`;
      return `wave ${index + 1} opens after ${time(opensMs)}: ${shown(share)} of the fleet, ${pace}; ${shown(shareSoFar)} so far`;
    }),
    `so many may have it: ${reached.map(({ percent: part, afterMs }) => `${part} % after ${time(afterMs)}`).join(", ")}`,
    `blast radius: ${shown(blastRadius.share)} of the fleet within ${time(noticeMs)}, from ${time(blastRadius.fromMs)} on`,
  ];
}

function time(ms: number): string {
  return formatDuration(ms / 1000);
}

function shown(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function percent(text: string): number {
  if (!/^\d{1,3}$/.test(text) || Number(text) < 2 || Number(text) > 100) {
    throw usageFailure(`a blast radius is a whole number of percents from 2 to 100, not ${JSON.stringify(text)}`);
  }
  return Number(text);
}

export const simulateCommands = [waves, simulateFleet];
