/** `apiclient status`: what the host is, how it came up, what is failing. */
import type { z } from "zod";
import type { applyFailure } from "../../../api/answers.ts";
import type { StatusBody } from "../../../api/status.ts";
import { formatDuration } from "../../../lib/duration.ts";
import { updateTrialText } from "../../../api/update-trial-text.ts";
import { describeProblem } from "../../../settings/model/problem.ts";
import { indented, trialText } from "./change/applied-text.ts";
import { apiCommand } from "./context.ts";

export const status = apiCommand({
  name: "status",
  summary: "Show what the host is, how its boot went and what is failing",
  examples: [
    { run: "apiclient status", description: "for people" },
    { run: "apiclient status --json", description: "for programs" },
  ],
  run: async ({ api, signal }) => await (await api()).call("getStatus", { signal }),
  print: statusText,
});

export function statusText(body: StatusBody): string {
  return [
    ...identity(body),
    ...settingsLines(body),
    ...bootLines(body),
    ...bootstrapLines(body),
    ...reconcilerLines(body),
    ...containerLines(body),
    ...extensionLines(body),
    ...keptLines(body),
    ...nodeLines(body),
    ...ecsLines(body),
    ...nvidiaLines(body),
    ...remoteLines(body),
  ].join("\n");
}

function identity({
  os,
  hostname,
  state,
  halted,
  uptimeSeconds,
  rebootNeeded,
  warnings = [],
  update,
  heldUpdates = [],
  kernelCrash,
  selinux,
  storage,
}: StatusBody): string[] {
  return [
    row("host", `${hostname}, up ${formatDuration(uptimeSeconds)}`),
    row("image", `${os.pretty_name}, variant ${os.variant_id}, ${os.arch}, build ${os.build_id}, on ${os.platform}`),
    row("state", halted === undefined ? state : `${state}: the boot stopped: ${halted}`),
    row("selinux", selinux ?? "none"),
    ...storageLines(storage),
    ...rebootNeeded.map((reason) => row("reboot", `needed: ${reason}`)),
    ...warnings.map((sentence) => row("warning", sentence)),
    ...updateLines(update),
    ...heldUpdates.map(({ version, at, reason }) => row("update", `went back from ${version} at ${at}: ${reason}`)),
    ...(kernelCrash === undefined
      ? []
      : [row("kernel", `crashed at ${kernelCrash.at}; \`apiclient logs --bundle\` has its last messages`)]),
  ];
}

function storageLines(storage: StatusBody["storage"]): string[] {
  switch (storage?.encryption) {
    case undefined:
      return [];
    case "none":
      return [row("storage", "not encrypted")];
    case "tpm2":
      return [
        row("storage", `encrypted, sealed to the TPM and its PCRs ${storage.registers.join(", ")}`),
        ...(storage.recoveryKey === "waiting"
          ? [row("", "its recovery key waits: `apiclient recovery-key` hands it out, once")]
          : []),
      ];
  }
}

/** Versions that the host went back from are printed with those that are held. */
function updateLines(update: StatusBody["update"]): string[] {
  switch (update?.stage) {
    case undefined:
    case "went-back":
      return [];
    case "working":
      return [row("update", `${update.command} is at work`)];
    case "ready":
      return [row("update", `version ${update.version} starts at the next boot`)];
    case "on-trial":
      return [
        row("update", `version ${update.version} is on trial: it ${updateTrialText(update)}`),
        ...update.missing.map((reason) => row("", `not yet: ${reason}`)),
      ];
    case "unknown":
      return [row("update", `cannot tell: ${update.reason}`)];
  }
}

function containerLines({ hostContainers = [] }: StatusBody): string[] {
  return hostContainers.map(({ name, state, restarts, failing, reason }, at) => {
    const often = restarts === 0 ? "" : `, ${restarts} ${restarts === 1 ? "restart" : "restarts"}`;
    const more = reason === undefined ? (failing ? `; see \`apiclient logs ${name}\`` : "") : `: ${reason}`;
    return row(at === 0 ? "containers" : "", `${name}: ${state}${often}${more}`);
  });
}

function extensionLines({ extensions = [] }: StatusBody): string[] {
  const words = {
    active: "in /usr",
    merging: "on its way into /usr",
    waiting: "in /usr from the next boot on",
    fetching: "on its way here",
    refused: "refused",
    leaving: "in /usr until the next boot",
  } as const;
  return extensions.map(({ name, state, reason }, at) =>
    row(at === 0 ? "extensions" : "", `${name}: ${words[state]}${reason === undefined ? "" : `: ${reason}`}`),
  );
}

function nodeLines({ node }: StatusBody): string[] {
  if (node === undefined) return [];
  const [first, ...further] = node.reasons;
  const state = node.ready ? "ready" : `not ready${first === undefined ? "" : `: ${first}`}`;
  return [row("node", `${node.name}: ${state}`), ...further.map((reason) => row("", reason))];
}

function ecsLines({ ecs }: StatusBody): string[] {
  if (ecs === undefined) return [];
  const { cluster, containerInstance, agent, ready, reasons } = ecs;
  return [
    row("ecs", ready ? `registered with ${cluster ?? "its cluster"} as ${containerInstance ?? ""}` : "not registered"),
    ...(agent === undefined ? [] : [row("", agent)]),
    ...reasons.map((reason) => row("", reason)),
  ];
}

function nvidiaLines({ nvidia }: StatusBody): string[] {
  if (nvidia === undefined) return [];
  const { driver, ready, reasons } = nvidia;
  return [
    row("nvidia", `${ready ? "ready" : "not ready"}${driver === undefined ? "" : `, driver ${driver}`}`),
    ...reasons.map((reason) => row("", reason)),
  ];
}

function keptLines({ setAside = [], unknown = [] }: StatusBody): string[] {
  return [
    ...setAside.map(({ path, at, effect }) => row("damaged", `${path}, set aside at ${at}: ${effect}`)),
    ...unknown.map((sentence) => row("unknown", sentence)),
  ];
}

function settingsLines({ settings, trial, userData }: StatusBody): string[] {
  const { version, lastGoodBoot, lockedDown, pending, repairs } = settings;
  const good =
    lastGoodBoot === undefined ? "" : `; last good boot with version ${lastGoodBoot.version} at ${lastGoodBoot.at}`;
  return [
    row("settings", `version ${version}${good}`),
    ...(lockedDown === undefined ? [] : [row("locked down", "settings cannot be changed until the next boot")]),
    ...(trial === undefined ? [] : [row("trial", trialText(trial))]),
    ...(pending.length === 0 ? [] : [row("pending", `uncommitted changes in ${pending.join(", ")}`)]),
    ...repairs.map((sentence) => row("repaired", sentence)),
    ...userData.problems.map((problem) => row("user data", describeProblem(problem))),
  ];
}

function bootLines({ boot }: StatusBody): string[] {
  const done = boot.filter(({ state }) => state === "done" || state === "skipped").length;
  return [
    row("boot", `${done} of ${boot.length} steps done`),
    ...boot.flatMap(({ step, state, failure }) =>
      failure === undefined ? (state === "running" ? [row("", `running: ${step}`)] : []) : failureLines(step, failure),
    ),
  ];
}

function bootstrapLines({ bootstrap = [] }: StatusBody): string[] {
  return bootstrap.flatMap(({ kind, name, mode, essential, state, failure }, at) => {
    const how = essential ? `${mode}, essential` : mode;
    const line = row(at === 0 ? "bootstrap" : "", `${kind} ${name} (${how}): ${state}`);
    return failure === undefined ? [line] : [line, row("", failure.message), ...journalRows(failure)];
  });
}

function reconcilerLines({ reconcilers }: StatusBody): string[] {
  const counted = (["converged", "waiting", "failing"] as const)
    .map((state) => ({ state, count: reconcilers.filter((reconciler) => reconciler.state === state).length }))
    .filter(({ count }) => count > 0)
    .map(({ state, count }) => `${count} ${state}`);
  return [
    row("reconcilers", counted.length === 0 ? "none" : counted.join(", ")),
    ...reconcilers.flatMap(({ name, failure, failures, warnings = [] }) => [
      ...(failure === undefined ? [] : failureLines(`${name}${times(failures)}`, failure)),
      ...warnings.map((warning) => row("", `warning: ${name}: ${warning}`)),
    ]),
  ];
}

function times(failures: number | undefined): string {
  return failures === undefined || failures < 2 ? "" : `, ${failures} times`;
}

type ApplyFailure = z.infer<typeof applyFailure>;

function failureLines(subject: string, failure: ApplyFailure): string[] {
  return [row("", `failed: ${subject}: ${failure.message}`), ...journalRows(failure)];
}

const journalRows = ({ journal }: ApplyFailure): string[] => indented(journal).map((line) => row("", line));

function remoteLines({ remote }: StatusBody): string[] {
  if (!remote.enabled) return [row("remote API", "off")];
  const { port, fingerprint, failure } = remote;
  return [
    row("remote API", `port ${port ?? "unknown"}${fingerprint === undefined ? "" : `, fingerprint ${fingerprint}`}`),
    ...(failure === undefined ? [] : failureLines("remote API", failure)),
  ];
}

function row(name: string, text: string): string {
  return `${name.padEnd(11)}  ${text}`;
}
