/** Who sent a request, and what they may do. */
import type { Role } from "../../../api/endpoints/endpoint.ts";
import type { Author } from "../../datastore/datastore.ts";

export type Caller = {
  readonly author: Author;
  /** Undefined for a certificate that no setting names, and for a workload that may not use the socket. */
  readonly role: Role | undefined;
  readonly via: "socket" | "remote";
};

/**
 * The unix socket is open to root and the group `api` only, so whoever of the host reaches it may do everything.
 *
 * @param may whether it may, which is asked for each request: what an orchestrator runs may be root too
 */
export function socketCaller({ uid, pid }: { uid: number; pid: number }, may = () => true): Caller {
  return {
    // A client in another pid namespace has no pid here.
    author: pid > 0 ? { kind: "socket", uid, pid } : { kind: "socket", uid },
    via: "socket",
    get role() {
      return may() ? "admin" : undefined;
    },
  };
}

/** A certificate from one of the accepted authorities; `roleOf` is asked for each request, since settings change. */
export function remoteCaller(subject: string, roleOf: (subject: string) => Role | undefined): Caller {
  return {
    author: { kind: "remote", subject },
    via: "remote",
    get role() {
      return roleOf(subject);
    },
  };
}

/** uid 0 (pid 812), certificate "alice", host: trial */
export function describeAuthor(author: Author): string {
  switch (author.kind) {
    case "socket":
      return author.pid === undefined ? `uid ${author.uid}` : `uid ${author.uid} (pid ${author.pid})`;
    case "remote":
      return `certificate ${JSON.stringify(author.subject)}`; // a certificate may name itself with a line break
    case "host":
      return `host: ${author.part}`;
  }
}
