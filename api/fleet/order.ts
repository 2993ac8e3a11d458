/**
 * What the fleet operator orders a host to do, in an annotation of its Node.
 *
 * An order names the boot that it is for. A host that has booted since ignores it, so no order is obeyed twice,
 * whatever crashed in between, and a stale one does nothing.
 */
import { z } from "zod";
import { moment } from "./host-report.ts";

export const Order = z.object({
  id: z.string(),
  /** The boot of the host that it is for. */
  boot: z.string(),
  /**
   * `prepare`: write the version to the inactive set while the host works. `reboot-into`: activate what is staged and
   * reboot. `go-back`: activate the version before and reboot.
   */
  do: z.enum(["prepare", "reboot-into", "go-back"]),
  version: z.string(),
  /** After it, the order is void. */
  until: moment,
  /** Who ordered it, for the host's history: the policy's name. */
  by: z.string(),
  /** The claim under which the host may reboot; `prepare` needs none. */
  claim: z.int().optional(),
});

export type Order = z.output<typeof Order>;
