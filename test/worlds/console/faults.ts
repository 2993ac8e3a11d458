/** What is wrong with the host of `faulty-host.ts`: where a page has it, and in which words. */

export type PlantedFault = {
  name: string;
  /** As in `console/page/route.ts`; the overview when it is there already. */
  view: "" | "boot" | "settings" | "history" | "containers" | "update" | "machine";
  sentence: RegExp;
};

export const plantedFaults: readonly PlantedFault[] = [
  { name: "a failing unit", view: "", sentence: /cannot restart chrony\.service: exit-code/ },
  { name: "its last lines", view: "", sentence: /Could not parse server directive at line 3/ },
  { name: "a version that is held, and why", view: "", sentence: /healthz does not answer: connection refused/ },
  { name: "a wave that is not open", view: "update", sentence: /place in the waves opens at .*It opens in \d/s },
  { name: "a sick host", view: "", sentence: /settings that were on trial stay as they are/ },
  { name: "a full disk", view: "", sentence: /\/local is nearly full: 0 MiB of 8 MiB are free/ },
  { name: "a certificate about to expire", view: "", sentence: /CN=Example Internal CA.*which expires at/ },
  { name: "a failing bootstrap container", view: "", sentence: /the container: it ended with exit code 32/ },
  { name: "a trial about to go back", view: "settings", sentence: /is on trial: version \d+ returns in \d+ min/ },
  {
    name: "a host container that starts over and over",
    view: "",
    sentence: /admin is activating \(auto-restart\), after 7 restarts/,
  },
  { name: "an update that failed", view: "", sentence: /the mirror answers with status 503/ },
  { name: "a setting that this kernel does not have", view: "", sentence: /the kernel has no such parameter/ },
];
