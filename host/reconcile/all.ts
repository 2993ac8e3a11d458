/**
 * The reconcilers, in the order in which they run. The order is for a boot that settles at once: parameters of a
 * module exist once it is loaded, and lockdown, which forbids much, comes after them. Whatever runs too early is tried again.
 *
 * One more, `remote-api`, runs before them: it moves the listener that the daemon has open, so it is made with that
 * (`../daemon/open-host.ts`) and cannot stand in a table.
 */
import { configuration } from "../files/all.ts";
import { bootParameters } from "./kernel/boot-parameters.ts";
import { bootstrapReconciler } from "./bootstrap.ts";
import { extensions } from "./extensions.ts";
import { filesReconciler } from "./files.ts";
import { hostContainers } from "./host-containers.ts";
import { hostname } from "./hostname.ts";
import { hosts } from "./hosts.ts";
import { hugePages } from "./kernel/huge-pages.ts";
import { kernelModules } from "./kernel/kernel-modules.ts";
import { lockdown } from "./kernel/lockdown.ts";
import type { Reconciler } from "./reconciler.ts";
import { sysctl } from "./kernel/sysctl.ts";

export const reconcilers: readonly Reconciler[] = [
  // First, while memory is still in large pieces.
  hugePages,
  hostname,
  filesReconciler(configuration),
  hosts,
  kernelModules,
  sysctl,
  lockdown,
  bootParameters,
  extensions,
  bootstrapReconciler,
  hostContainers,
];
