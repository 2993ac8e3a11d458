/** `apiclient ephemeral-storage`: the disks of a machine that lose their content when it is switched off. */
import { filesystems } from "../../../api/ephemeral-storage.ts";
import { apiCommand } from "./context.ts";

export const ephemeralInit = apiCommand({
  name: "ephemeral-storage init",
  summary: "Make a file system on ephemeral disks, several of them as one, and mount it at /mnt/.ephemeral",
  description: "A machine without ephemeral disks is no failure. What holds something is not formatted.",
  examples: [
    { run: "apiclient ephemeral-storage init", says: "XFS on all of them" },
    {
      run: "apiclient ephemeral-storage init -t ext4 --disks /dev/disk/ephemeral/nvme-AWS1",
      says: "ext4 on one",
    },
  ],
  options: {
    filesystem: { type: "text", value: "TYPE", help: "xfs unless given", short: "t", choices: filesystems },
    disks: { type: "text", value: "DISK", help: "As list-disks tells; all of them unless given", many: true },
  },
  // Bottlerocket's option takes several words at once.
  arguments: { more: { value: "DISK", help: "Further disks", many: true, optional: true } },
  async run({ api, signal }, { filesystem, disks, more }) {
    const named = [...disks, ...more];
    const body = {
      ...(filesystem === undefined ? {} : { filesystem }),
      ...(named.length === 0 ? {} : { disks: named }),
    };
    await (await api()).call("initEphemeralStorage", { body, signal });
  },
});

export const ephemeralBind = apiCommand({
  name: "ephemeral-storage bind",
  summary: "Bind directories of the host to ephemeral storage",
  examples: [
    { run: "apiclient ephemeral-storage bind --dirs /var/lib/containerd /mnt/scratch", says: "images, and a place" },
  ],
  options: {
    dirs: { type: "text", value: "DIRECTORY", help: "As list-dirs tells, or one below /mnt", many: true },
  },
  arguments: { more: { value: "DIRECTORY", help: "Further directories", many: true, optional: true } },
  async run({ api, signal }, { dirs, more }) {
    await (await api()).call("bindEphemeralStorage", { body: { targets: [...dirs, ...more] }, signal });
  },
});

export const ephemeralDisks = apiCommand({
  name: "ephemeral-storage list-disks",
  summary: "Print the ephemeral disks of the host",
  examples: [{ run: "apiclient ephemeral-storage list-disks", says: "a path a line" }],
  run: async ({ api, signal }) => await (await api()).call("listEphemeralDisks", { signal }),
  print: (disks) => disks.join("\n"),
});

export const ephemeralDirectories = apiCommand({
  name: "ephemeral-storage list-dirs",
  summary: "Print the directories that may be bound, beside those below /mnt",
  examples: [{ run: "apiclient ephemeral-storage list-dirs", says: "a path a line" }],
  run: async ({ api, signal }) => await (await api()).call("listEphemeralTargets", { signal }),
  print: (directories) => directories.join("\n"),
});
