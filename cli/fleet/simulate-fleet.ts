/** `./orlop simulate fleet` */
import { machineClock } from "../../lib/clock.ts";
import { formatDuration, parseDuration } from "../../lib/duration.ts";
import { progress } from "../../lib/progress.ts";
import { usageFailure } from "../../lib/command/command.ts";
import { verb } from "../context.ts";
import { consoleOptions, serveFleet } from "./serve-fleet.ts";

const hourMs = 3_600_000;

function count(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw usageFailure(`a number from 1 to 9999999 is expected, not ${JSON.stringify(text)}`);
}

export const simulateFleet = verb({
  name: "simulate fleet",
  summary: "Roll a release out over a fleet in virtual time, by the code that hosts and operator run",
  description: `What hosts are offered, what the operator does and what hosts obey is the shipping code; what goes wrong and how long
things take is drawn from the seed. Invariants of the roll-out are checked at every step.`,
  examples: [
    {
      run: "./orlop simulate fleet --nodes 100000 --policy policy.yaml --manifest manifest.json --running 1.0.0",
      description: "a week of a large fleet",
    },
    {
      run: "./orlop simulate fleet --policy policy.yaml --manifest manifest.json --running 1.0.0 --faults faults.toml --page fleet.html",
      description: "with faults, and plots on a page",
    },
  ],
  options: {
    nodes: { type: "text", value: "N", help: "How many", default: "1000", parse: count },
    policy: { type: "text", value: "FILE", help: "A FleetPolicy, YAML", required: true, complete: "files" },
    manifest: { type: "text", value: "FILE", help: "manifest.json of a repository", required: true, complete: "files" },
    running: { type: "text", value: "VERSION", help: "What the hosts run at the start", required: true },
    faults: { type: "text", value: "FILE", help: "What goes wrong, and how long things take: TOML", complete: "files" },
    seed: { type: "text", value: "N", help: "Decides all that is random", default: "1", parse: count },
    for: {
      type: "text",
      value: "TIME",
      help: "How long",
      default: "7d",
      parse: (text: string) => parseDuration(text) * 1000,
    },
    start: { type: "text", value: "TIME", help: "RFC 3339; otherwise when the first wave begins" },
    page: { type: "text", value: "FILE", help: "Write a page with plots", complete: "files" },
    console: { type: "boolean", help: "Show it as it goes, on the page of a fleet in a browser of this computer" },
    speed: {
      type: "text",
      value: "N",
      help: "With --console: seconds of the fleet in one",
      default: "600",
      parse: count,
    },
    ...consoleOptions,
  },
  async run({ invocation }, values) {
    const [{ readText }, scenarioModule, { parseManifest, wavesOfUpdate }, { parseJson }, { parseMoment }, simulation] =
      await Promise.all([
        import("../repo/context.ts"),
        import("../../cluster/simulator/scenario.ts"),
        import("../../repo/manifest.ts"),
        import("../../lib/text/json.ts"),
        import("../../repo/waves/moment.ts"),
        import("../../cluster/simulator/fleet-simulation.ts"),
      ]);
    const { readFleetFaults, readFleetPolicy } = scenarioModule;
    const manifest = parseManifest(parseJson(await readText(values.manifest), values.manifest), values.manifest);
    const [machines] = manifest.updates;
    if (machines === undefined) throw usageFailure(`${values.manifest} offers no version`);
    const opens = manifest.updates.flatMap((update) => wavesOfUpdate(update).map((wave) => wave.start.getTime()));
    const first = new Date(opens.length === 0 ? 0 : Math.min(...opens));
    const faults = values.faults === undefined ? "" : await readText(values.faults);
    const scenario = {
      nodes: values.nodes,
      seed: values.seed,
      spec: readFleetPolicy(await readText(values.policy), values.policy),
      manifest,
      machines,
      running: values.running,
      faults: readFleetFaults(faults, values.faults ?? "no faults"),
      start: values.start === undefined ? first : parseMoment(values.start, first),
      lengthMs: values.for,
    };
    if (values.console) {
      const { simulationSource } = await import("../../cluster/console/sources/simulation-source.ts");
      const options = { program: "orlop simulate fleet --console", mayWrite: values.write, port: values.port };
      await serveFleet(simulationSource(scenario, values.speed, machineClock), options, invocation);
      return undefined;
    }
    const startedMs = machineClock.elapsedMs();
    using bar = progress("simulating hours", values.for / hourMs, "things");
    let toldMs = 0;
    const outcome = new simulation.FleetSimulation(scenario).run(invocation.signal, (atMs) => {
      bar.advance((atMs - toldMs) / hourMs);
      toldMs = atMs;
    });
    const seconds = (machineClock.elapsedMs() - startedMs) / 1000;
    const title = `${values.nodes} nodes for ${formatDuration(values.for / 1000)}, seed ${values.seed}`;
    if (values.page !== undefined) {
      const [{ outcomePage }, { outcomeTable }, { writeFile }] = await Promise.all([
        import("../../cluster/simulator/outcome-page.ts"),
        import("../../cluster/simulator/outcome-table.ts"),
        import("node:fs/promises"),
      ]);
      await writeFile(values.page, await outcomePage(title, outcomeTable(outcome), outcome));
    }
    return { title, seconds, ...outcome };
  },
  async print(outcome) {
    if (outcome === undefined) return "";
    const { outcomeTable } = await import("../../cluster/simulator/outcome-table.ts");
    const { title, passes, events, seconds } = outcome;
    const work = `${events} events and ${passes} looks of the operator in ${formatDuration(seconds)}`;
    return `${title}: every invariant held\n${outcomeTable(outcome)}\n${work}`;
  },
});
