/** Who sent a request, and what they may do. */
import type { Role } from "../../../api/endpoints/endpoint.ts";
import type { Author } from "../../datastore/datastore.ts";
import type { Origin } from "./origin.ts";

export type Caller = {
  readonly author: Author;
  /** Undefined for whom no setting gives one. */
  readonly role: Role | undefined;
  /** What to call the caller in a refusal, and which setting gives a role. */
  readonly name: string;
  readonly setting: string;
  readonly via: "socket" | "remote";
  /** With whom it shares what there is of connections and answers; undefined for the host itself. */
  readonly owner: string | undefined;
};

/** What callers of the socket may do now, by where they come from; asked for each request, since settings change. */
export type SocketRoles = (origin: Origin) => Role | undefined;

/**
 * The unix socket is open to root and the group `api` only, and whoever of the host itself reaches it may do everything.
 *
 * @param roleOf without it, nobody is taken for a container
 */
export function socketCaller(
  { uid, pid }: { uid: number; pid: number },
  origin: Origin = { kind: "host" },
  roleOf: SocketRoles = () => "admin",
): Caller {
  const container = origin.kind === "container" ? { container: origin.id } : {};
  return {
    // A client in another pid namespace has no pid here.
    author: { kind: "socket", uid, ...(pid > 0 ? { pid } : {}), ...container },
    via: "socket",
    get role() {
      return origin.kind === "host" ? "admin" : roleOf(origin);
    },
    ...nameOf(origin),
  };
}

function nameOf(origin: Origin): Pick<Caller, "name" | "setting" | "owner"> {
  switch (origin.kind) {
    case "host":
      return { name: "this process", setting: "", owner: undefined };
    case "workload":
      return { name: "a container of the orchestrator", setting: "settings.api.socket.workloads", owner: "workload" };
    case "container":
      return {
        name: `container ${origin.id}`,
        setting: `settings.host-containers.${origin.id}.api`,
        owner: `container ${origin.id}`,
      };
  }
}

/** A certificate from one of the accepted authorities; `roleOf` is asked for each request, since settings change. */
export function remoteCaller(subject: string, roleOf: (subject: string) => Role | undefined): Caller {
  return {
    author: { kind: "remote", subject },
    via: "remote",
    name: "this certificate",
    setting: "settings.api.remote.roles",
    owner: `certificate ${subject}`,
    get role() {
      return roleOf(subject);
    },
  };
}

/** uid 0 (pid 812), certificate "alice", host: trial */
export function describeAuthor(author: Author): string {
  switch (author.kind) {
    case "socket":
      return [
        ...(author.container === undefined ? [] : [`container ${author.container}`]),
        author.pid === undefined ? `uid ${author.uid}` : `uid ${author.uid} (pid ${author.pid})`,
      ].join(", ");
    case "remote":
      return `certificate ${JSON.stringify(author.subject)}`; // a certificate may name itself with a line break
    case "host":
      return `host: ${author.part}`;
  }
}
