/**
 * containerd from its Go modules: the daemon, the shim that stays with each container, and its own client.
 *
 * Source: `Makefile` and `Makefile.linux` of both versions for the tags and for what the linker sets.
 */
import { join } from "node:path";
import type { GoRecipe } from "./recipe.ts";

const version = "2.4.2";
const oldVersion = "1.7.35";

/** Without snapshotters for file systems that a host does not have, and traces for a collector that it does not know. */
const tags = ["no_btrfs", "no_devmapper", "no_tracing", "no_zfs", "osusergo", "netgo", "static_build"] as const;

export const containerd: GoRecipe = {
  kind: "go",
  name: "containerd",
  version,
  license: "Apache-2.0",
  purl: `pkg:golang/github.com/containerd/containerd/v2@v${version}`,
  source: { kind: "go-modules", directory: join(import.meta.dir, "containerd") },
  importPath: "github.com/containerd/containerd/v2",
  programs: {
    containerd: "cmd/containerd",
    "containerd-shim-runc-v2": "cmd/containerd-shim-runc-v2",
    ctr: "cmd/ctr",
  },
  tags: [...tags, "urfave_cli_no_docs"],
  variables: { "github.com/containerd/containerd/v2/version.Version": `v${version}` },
};

/** For kubelet below 1.23, which speaks v1alpha2 of the container runtime interface: containerd 2 does not. */
export const containerd17: GoRecipe = {
  kind: "go",
  name: "containerd-1.7",
  version: oldVersion,
  license: "Apache-2.0",
  purl: `pkg:golang/github.com/containerd/containerd@v${oldVersion}`,
  source: { kind: "go-modules", directory: join(import.meta.dir, "containerd-1.7") },
  importPath: "github.com/containerd/containerd",
  programs: { containerd: "cmd/containerd", "containerd-shim-runc-v2": "cmd/containerd-shim-runc-v2" },
  tags: [...tags, "no_aufs"],
  variables: { "github.com/containerd/containerd/version.Version": `v${oldVersion}` },
};
