/**
 * What an operator should know, the worst first: each in the words of the host, with what can be done and where the page has
 * more. Nothing is judged here that the host does not say.
 */
import { updateTrialText } from "../../api/update-trial-text.ts";
import type { ConsoleView } from "../view.ts";
import type { RouteName } from "./routes.ts";

export type Concern = {
  severity: "broken" | "attention" | "note";
  /** What it is about: "chrony.service". */
  subject: string;
  sentence: string;
  /** Lines of a journal. */
  detail?: string;
  /** What a person could type. */
  command?: string;
  /** Where the page has more. */
  route: RouteName;
};

type Status = NonNullable<ConsoleView["status"]>;

const order = ["broken", "attention", "note"] as const;

export function concernsOf(view: ConsoleView): Concern[] {
  const { status } = view;
  const found = [...(status === undefined ? [] : statusConcerns(status)), ...updateConcerns(view)];
  return found.toSorted((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
}

function statusConcerns(status: Status): Concern[] {
  return [
    ...haltConcerns(status),
    ...bootConcerns(status),
    ...reconcilerConcerns(status),
    ...containerConcerns(status),
    ...trialConcerns(status),
    ...nodeConcerns(status),
    ...machineConcerns(status),
    ...settingsConcerns(status),
  ];
}

function haltConcerns({ halted }: Status): Concern[] {
  if (halted === undefined) return [];
  return [{ severity: "broken", subject: "the boot stopped", sentence: halted, route: "boot" }];
}

function bootConcerns({ boot, bootstrap = [] }: Status): Concern[] {
  return [
    ...boot.flatMap(({ step, failure }): Concern[] =>
      failure === undefined
        ? []
        : [{ severity: "broken", subject: step, sentence: failure.message, ...journal(failure), route: "boot" }],
    ),
    ...bootstrap.flatMap(({ kind, name, essential, failure }): Concern[] =>
      failure === undefined
        ? []
        : [
            {
              severity: "broken",
              subject: `bootstrap ${kind} ${name}${essential ? ", essential" : ""}`,
              sentence: failure.message,
              ...journal(failure),
              command: "apiclient logs --bundle",
              route: "boot",
            },
          ],
    ),
  ];
}

function reconcilerConcerns({ reconcilers }: Status): Concern[] {
  return reconcilers.flatMap(({ name, failure, failures = 0, warnings = [] }): Concern[] => [
    ...(failure === undefined
      ? []
      : [
          {
            severity: "broken" as const,
            subject: `${failure.unit ?? name}${failures > 1 ? `, failed ${failures} times` : ""}`,
            sentence: failure.message,
            ...journal(failure),
            command: "apiclient undo",
            route: "history" as const,
          },
        ]),
    ...warnings.map((sentence) => ({
      severity: "attention" as const,
      subject: name,
      sentence,
      route: "settings" as const,
    })),
  ]);
}

function containerConcerns({ hostContainers = [] }: Status): Concern[] {
  return hostContainers.flatMap(({ name, state, restarts, failing, reason }): Concern[] => {
    if (!failing) return [];
    const often = restarts === 0 ? "" : `, after ${restarts} ${restarts === 1 ? "restart" : "restarts"}`;
    const sentence = reason ?? `${name} is ${state}${often}`;
    return [
      {
        severity: "broken",
        subject: `host container ${name}`,
        sentence,
        command: `apiclient logs ${name}`,
        route: "containers",
      },
    ];
  });
}

function trialConcerns({ trial, update, heldUpdates = [] }: Status): Concern[] {
  return [
    ...(trial === undefined
      ? []
      : [
          {
            severity: "attention" as const,
            subject: "settings on trial",
            sentence: `version ${trial.version} of the settings goes back to version ${trial.revertsTo} by itself, unless somebody confirms it`,
            command: "apiclient confirm",
            route: "settings" as const,
          },
        ]),
    ...stageConcerns(update),
    ...heldUpdates.map(({ version, reason }) => ({
      severity: "attention" as const,
      subject: `version ${version} is held`,
      sentence: `it failed here: ${reason}`,
      command: `apiclient update release ${version}`,
      route: "update" as const,
    })),
  ];
}

function stageConcerns(update: Status["update"]): Concern[] {
  if (update?.stage === "on-trial") {
    const missing = update.missing.map((reason) => `not yet: ${reason}`).join("; ");
    const sentence = `it ${updateTrialText(update)}${missing === "" ? "" : `; ${missing}`}`;
    return [{ severity: "attention", subject: `version ${update.version} is on trial`, sentence, route: "update" }];
  }
  if (update?.stage === "ready") {
    const sentence = "it starts at the next boot";
    const command = "apiclient reboot";
    return [{ severity: "note", subject: `version ${update.version} is ready`, sentence, command, route: "update" }];
  }
  if (update?.stage === "unknown") {
    return [{ severity: "attention", subject: "updates", sentence: update.reason, route: "update" }];
  }
  return [];
}

function nodeConcerns({ node }: Status): Concern[] {
  if (node === undefined || node.ready) return [];
  const sentence = node.reasons.join("; ") || "the cluster does not take it for ready";
  return [{ severity: "broken", subject: `node ${node.name} is not ready`, sentence, route: "machine" }];
}

function machineConcerns({
  kernelCrash,
  setAside = [],
  unknown = [],
  warnings = [],
  rebootNeeded,
  remote,
}: Status): Concern[] {
  return [
    ...(kernelCrash === undefined
      ? []
      : [
          {
            severity: "attention" as const,
            subject: "the kernel crashed",
            sentence: `at ${kernelCrash.at}; the support archive has its last messages`,
            command: "apiclient logs --bundle",
            route: "boot" as const,
          },
        ]),
    ...warnings.map((sentence) => ({
      severity: "attention" as const,
      subject: "warning",
      sentence,
      route: sentence.startsWith("settings.") ? ("settings" as const) : ("machine" as const),
    })),
    ...setAside.map(({ path, at, effect }) => ({
      severity: "attention" as const,
      subject: `${path} was damaged`,
      sentence: `set aside at ${at}: ${effect}`,
      route: "machine" as const,
    })),
    ...unknown.map((sentence) => ({
      severity: "attention" as const,
      subject: "not known",
      sentence,
      route: "machine" as const,
    })),
    ...rebootNeeded.map((sentence) => ({
      severity: "attention" as const,
      subject: "a reboot is needed",
      sentence,
      command: "apiclient reboot",
      route: "settings" as const,
    })),
    ...(remote.failure === undefined
      ? []
      : [
          {
            severity: "broken" as const,
            subject: "the remote API",
            sentence: remote.failure.message,
            ...journal(remote.failure),
            route: "settings" as const,
          },
        ]),
  ];
}

function settingsConcerns({ settings, userData }: Status): Concern[] {
  return [
    ...userData.problems.map(({ key, message, suggestion }) => ({
      severity: "broken" as const,
      subject: `user data: ${key}`,
      sentence: `${message}${suggestion === undefined ? "" : `; did you mean ${suggestion}?`}`,
      route: "settings" as const,
    })),
    ...settings.repairs.map((sentence) => ({
      severity: "note" as const,
      subject: "settings were repaired",
      sentence,
      route: "history" as const,
    })),
    ...(settings.lockedDown === undefined
      ? []
      : [
          {
            severity: "note" as const,
            subject: "settings are locked down",
            sentence: "they cannot be changed until the next boot",
            route: "settings" as const,
          },
        ]),
  ];
}

function updateConcerns({ updates }: ConsoleView): Concern[] {
  const last = updates?.most_recent_command;
  if (last?.cmd_status !== "Failed") return [];
  const sentence = last.stderr?.trim() || `exit status ${last.exit_status ?? "unknown"}`;
  return [{ severity: "attention", subject: `update ${last.cmd_type} failed`, sentence, route: "update" }];
}

function journal({ journal: lines }: { journal?: string | undefined }): { detail?: string } {
  return lines === undefined || lines === "" ? {} : { detail: lines };
}
