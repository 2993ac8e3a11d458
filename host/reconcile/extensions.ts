/**
 * System extensions of `settings.extensions`: those that are not on the data partition are fetched, those that nobody chooses
 * any more are removed there. What is in /usr changes only while the machine boots (os/units/merge-extensions.service).
 */
import { storedNames } from "../extensions/fetch-extensions.ts";
import { chosenExtensions, extensionWorld, standingsOf, type ExtensionWorld } from "../extensions/standing.ts";
import { instanceOf } from "../machine/unit.ts";
import { reconciler } from "./reconciler.ts";

type Desired = { chosen: readonly string[]; version: string };
type Actual = ExtensionWorld & { stored: readonly string[] };
type Step = { kind: "fetch" | "remove"; names: readonly string[]; version: string };

export const extensions = reconciler<Desired, Actual, Step>({
  name: "extensions",
  desired: (settings, { versionId: version }) => ({ chosen: chosenExtensions(settings), version }),
  async observe(system, { chosen, version }) {
    return {
      ...(await extensionWorld(system, chosen, version)),
      stored: await storedNames(system),
    };
  },
  plan: planExtensions,
  rebootNeeded({ chosen }, actual) {
    return standingsOf(chosen, actual).flatMap(({ name, state }) => {
      if (state === "waiting" || state === "fetching")
        return [`the extension ${name} is in /usr from the next boot on`];
      return state === "leaving" ? [`the extension ${name} is in /usr until the next boot`] : [];
    });
  },
  warnings({ chosen }, actual) {
    return standingsOf(chosen, actual).flatMap(({ name, reason }) =>
      reason === undefined ? [] : [`the extension ${name} is refused: ${reason}`],
    );
  },
  describe({ kind, names, version }) {
    return {
      description: `${kind} ${names.length === 1 ? "the system extension" : "the system extensions"} ${names.join(", ")}`,
      units: [{ name: unitOf(version), action: "start" }],
    };
  },
  // It may take a while, and the boot waits for it by itself.
  apply: async (system, { version }) => {
    await system.run(["systemctl", "--no-block", "start", unitOf(version)]);
  },
  afterFailure: "continue",
});

export function planExtensions(
  { chosen, version }: Desired,
  { missing, stored }: Pick<Actual, "missing" | "stored">,
): Step[] {
  const unwanted = stored.filter((name) => !chosen.includes(name));
  return [
    ...(missing.length === 0 ? [] : [{ kind: "fetch", names: missing, version } as const]),
    ...(unwanted.length === 0 ? [] : [{ kind: "remove", names: unwanted, version } as const]),
  ];
}

const unitOf = (version: string) => `fetch-extensions@${instanceOf(version)}.service`;
