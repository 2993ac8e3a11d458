/** The answer of GET /host-containers. */
import { z } from "zod";

export const hostContainers = z.array(
  z.object({
    name: z.string(),
    enabled: z.boolean(),
    superpowered: z.boolean(),
    source: z.string().exactOptional(),
    /** Of its unit, as systemd calls it: "active (running)"; "no image" when it is enabled without one. */
    state: z.string(),
    /** Since the unit was last started by the host. */
    restarts: z.number().int(),
    /** Of the image it was last started from in this boot. */
    digest: z.string().exactOptional(),
    /** The last lines of its output, and of what runs it. */
    log: z.array(z.string()),
  }),
);
export type HostContainersBody = z.infer<typeof hostContainers>;
