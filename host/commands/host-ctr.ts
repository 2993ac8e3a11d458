/** `host-ctr`: starts, stops and runs containers of the host, each for its unit. */
import { companionOf } from "../containers/companions/described-companions.ts";
import { containerNamed } from "../containers/description.ts";
import { runDescribed, startDescribed, stopStarted } from "../containers/run-described.ts";
import { hostCommand, hostProgram, runHostProgram } from "./host-program.ts";

const run = hostCommand({
  name: "run",
  summary: "Run a container that hostd has described, until it ends or this is told to stop",
  examples: [{ run: "host-ctr run bootstrap disks", description: "as bootstrap-container@disks.service does" }],
  arguments: {
    type: { value: "TYPE", help: "Which kind of container", choices: ["bootstrap", "health"] },
    name: { value: "NAME", help: "Its name in the settings" },
  },
  async run({ system, invocation }, { type, name }) {
    return await runDescribed(system, { type, name }, invocation.signal);
  },
  print: ({ exitCode }) => `exit code ${exitCode}`,
  exitCode: ({ exitCode, stopped }) => (stopped ? 0 : exitCode),
});

const printFetched = (fetched: readonly string[]): string =>
  fetched.length === 0 ? "nothing to fetch" : fetched.map((name) => `fetched ${name}`).join("\n");

const fetch = hostCommand({
  name: "fetch",
  summary: "Fetch the image of a container that comes with the OS, unless it is here or comes from a registry",
  examples: [{ run: "host-ctr fetch admin", description: "as fetch-companion@admin.service does" }],
  arguments: { container: { value: "CONTAINER", help: "As containerd knows it: admin, boot.NAME, health.NAME" } },
  async run({ system, invocation }, { container }) {
    // Most are from a registry, and wait for no client of the update repository.
    const companion = await companionOf(system, containerNamed(container));
    if (companion === undefined) return [];
    const { fetchCurrent } = await import("../containers/companions/fetch-companions.ts");
    return await fetchCurrent(system, companion, invocation.signal);
  },
  print: printFetched,
});

const ahead = hostCommand({
  name: "fetch-ahead",
  summary: "Fetch the images of containers that come with another version of the OS, before that version runs",
  examples: [{ run: "host-ctr fetch-ahead 1.2.3", description: "as an update has it done, once 1.2.3 is written" }],
  arguments: { version: { value: "VERSION", help: "The version that the update repository has" } },
  async run({ system, invocation }, { version }) {
    const { fetchAhead } = await import("../containers/companions/fetch-companions.ts");
    return await fetchAhead(system, version, invocation.signal);
  },
  print: printFetched,
});

const hostContainer = { value: "NAME", help: "Its name in settings.host-containers" } as const;

const startCommand = hostCommand({
  name: "start",
  summary: "Start a host container, which goes on when this has ended",
  description: "What the container prints goes to where this prints, by a process that ends with the container.",
  examples: [{ run: "host-ctr start admin", description: "as host-container@admin.service does" }],
  arguments: { name: hostContainer },
  async run({ system, invocation }, { name }) {
    await startDescribed(system, name, invocation.signal);
    return {};
  },
  print: () => "",
});

const stopCommand = hostCommand({
  name: "stop",
  summary: "Stop a host container and take away what is left of it",
  description: "The exit code is that of a container which had ended by itself, and 0 for any other.",
  examples: [{ run: "host-ctr stop admin", description: "as host-container@admin.service does" }],
  arguments: { name: hostContainer },
  run: async ({ system }, { name }) => await stopStarted(system, name),
  print: (ended) => (ended === undefined ? "" : `exit code ${ended.exitCode}`),
  exitCode: (ended) => (ended === undefined || ended.stopped ? 0 : ended.exitCode),
});

const cleanUp = hostCommand({
  name: "clean-up",
  summary: "Remove images that no setting names any more",
  description: "A week after they were last used, or at once when the disk is more than 85 % full.",
  examples: [{ run: "host-ctr clean-up", description: "as host-images-cleanup.timer has it done" }],
  async run({ system }) {
    const { cleanUpImages } = await import("../containers/clean-up.ts");
    return await cleanUpImages(system);
  },
  print: (removed) =>
    removed.length === 0 ? "nothing to remove" : removed.map((name) => `removed ${name}`).join("\n"),
});

export const hostCtr = hostProgram({
  name: "host-ctr",
  summary: "Containers that belong to the host",
  commands: [startCommand, stopCommand, run, fetch, ahead, cleanUp],
});

export async function main(words: readonly string[]): Promise<never> {
  return await runHostProgram(hostCtr, words);
}
