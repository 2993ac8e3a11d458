/**
 * Documents of SSM, run by the SSM agent in a host's control container: one command of `apiclient` each.
 *
 * Bottlerocket's ECS updater has documents for check, apply and reboot, whose verbs are the same; it takes ours by its
 * options `-check-document`, `-apply-document` and `-reboot-document`, and the other way round.
 */

export const documentNames = {
  check: "Orlop-UpdateCheck",
  apply: "Orlop-UpdateApply",
  reboot: "Orlop-Reboot",
  status: "Orlop-Status",
} as const;

export type DocumentKind = keyof typeof documentNames;
export const documentKinds = ["check", "apply", "reboot", "status"] as const satisfies readonly DocumentKind[];

/** An SSM document of schema 2.2. */
export type SsmDocument = {
  schemaVersion: "2.2";
  description: string;
  parameters?: Record<string, { type: "String"; description: string; default: string; allowedPattern: string }>;
  mainSteps: [
    {
      name: string;
      action: "aws:runShellScript";
      precondition: { StringEquals: ["platformType", "Linux"] };
      inputs: { timeoutSeconds: string; runCommand: string[] };
    },
  ];
};

export const documents: Readonly<Record<DocumentKind, SsmDocument>> = {
  check: document("Looks for an update of the host", "updateCheck", 120, ["apiclient update check"]),
  apply: document("Writes the update, and makes it boot next", "updateApply", 1800, ["apiclient update apply"]),
  reboot: {
    ...document("Reboots the host, once", "reboot", 120, [
      // A container has the host's kernel, and so its boot. One that ended meanwhile was not meant.
      'if [ -n "{{ BootId }}" ] && [ "$(cat /proc/sys/kernel/random/boot_id)" != "{{ BootId }}" ]; then exit 0; fi',
      "apiclient reboot",
    ]),
    parameters: {
      BootId: {
        type: "String",
        description:
          "The boot of the host that is to end, as /proc/sys/kernel/random/boot_id has it; without, whichever it is",
        default: "",
        allowedPattern: "^([0-9a-f-]{36})?$",
      },
    },
  },
  status: document("Tells how the host is", "status", 120, ["apiclient status --json"]),
};

function document(description: string, name: string, seconds: number, runCommand: string[]): SsmDocument {
  return {
    schemaVersion: "2.2",
    description,
    mainSteps: [
      {
        name,
        action: "aws:runShellScript",
        precondition: { StringEquals: ["platformType", "Linux"] },
        inputs: { timeoutSeconds: String(seconds), runCommand },
      },
    ],
  };
}
