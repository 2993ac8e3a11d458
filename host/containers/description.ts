/** What is to run: written by hostd for each container, read by the unit that runs it. */
import { z } from "zod";
import { roles } from "../../api/endpoints/endpoint.ts";

export const containerTypes = ["host", "bootstrap", "health"] as const;

export const descriptionSchema = z.object({
  type: z.enum(containerTypes),
  name: z.string(),
  source: z.string(),
  superpowered: z.boolean(),
  /** What it may do by the API's socket, which it has unless this is "none". */
  api: z.enum(["none", ...roles]),
  /** In place of the image's own arguments. */
  command: z.array(z.string()).exactOptional(),
  /** Base64. */
  userData: z.string().exactOptional(),
});
export type Description = z.infer<typeof descriptionSchema>;

/** Names of containers are free, so that containers of two types may share one. */
export const containerId = ({ type, name }: Pick<Description, "type" | "name">): string =>
  ({ host: name, bootstrap: `boot.${name}`, health: `health.${name}` })[type];

/** Whose id it is. Names have no dots. */
export function containerNamed(id: string): Pick<Description, "type" | "name"> {
  for (const type of ["bootstrap", "health"] as const) {
    const prefix = containerId({ type, name: "" });
    if (id.startsWith(prefix)) return { type, name: id.slice(prefix.length) };
  }
  return { type: "host", name: id };
}

/** Of all of them. */
export const containersSlice = "host-containers.slice";

/**
 * The control group of a container, as its specification names it. That of one of the host is within the group of its
 * unit, which systemd leaves to it: the unit lives as long as a process is in there. Of others systemd makes a scope.
 * Sources: runc, libcontainer/cgroups/systemd; systemd.resource-control(5), Delegate.
 */
export function controlGroupOf(container: Pick<Description, "type" | "name">): string {
  if (container.type !== "host") return `${containersSlice}:orlop:${containerId(container)}`;
  return `/host.slice/${containersSlice}/${containerUnit(container)}/container`;
}

/** Whether runc has systemd make the group. */
export const isMadeBySystemd = (controlGroup: string): boolean => !controlGroup.startsWith("/");

/** The containerd that runs them, which no orchestrator touches. */
export const hostContainerd = { socket: "/run/host-containerd/containerd.sock", namespace: "default" } as const;

const runDirectory = "/run/orlop/containers";

/** Has secrets in it: user data. */
export const descriptionPath = (container: Pick<Description, "type" | "name">): string =>
  `${runDirectory}/${container.type}/${container.name}.json`;

/** Credentials of registries and mirrors, for whoever pulls. */
export const registriesPath = "/etc/host-containers/registries.json";

/** A directory for each registry, with its mirrors in hosts.toml. containerd reads it at each pull. */
export const registryHostsDirectory = "/etc/containerd/certs.d";

/** What a container keeps, whatever its image is. */
export const persistentDirectory = ({ type, name }: Pick<Description, "type" | "name">): string =>
  `/local/${type}-containers/${name}`;

/** The digest of the image that a container was last started from; ends with the boot. */
export const imageDigestPath = (container: Pick<Description, "type" | "name">): string =>
  `${runDirectory}/${container.type}/${container.name}.digest`;

export const containerUnit = ({ type, name }: Pick<Description, "type" | "name">) =>
  `${type}-container@${name}.service` as const;
