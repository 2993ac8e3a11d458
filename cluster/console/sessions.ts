/**
 * Who may come in to the page in the operator's pod: whoever has a token of the cluster, and may list policies and nodes there.
 *
 * The token is looked at once and forgotten. From then on a cookie opens a door of its own (`web/server/door.ts`), for an hour at
 * most; what its owner may do is asked of the cluster anew each time.
 */
import type { IncomingMessage } from "node:http";
import { type ClusterUser, type Deed, mayDo, userOfToken } from "../../kubernetes/access-review.ts";
import type { KubernetesClient } from "../../kubernetes/client.ts";
import { Failure } from "../../lib/failure.ts";
import { type Admission, Door } from "../../web/server/door.ts";
import { group } from "../operator/policy-object.ts";
import type { FleetVisitor } from "./fleet-console.ts";

const lastsMs = 60 * 60_000;
const sessionsMost = 64;
const looks: readonly Deed[] = [
  { verb: "list", group, resource: "fleetpolicies" },
  { verb: "list", group: "", resource: "nodes" },
];
const stops: Deed = { verb: "patch", group, resource: "fleetpolicies" };

type Session = { door: Door; user: ClusterUser; ends: AbortSignal };

export type Entered = { admission: Admission; visitor?: FleetVisitor };

export class Sessions {
  readonly #client: KubernetesClient;
  /** By where each has its page; the oldest first. */
  readonly #sessions = new Map<string, Session>();

  constructor(client: KubernetesClient) {
    this.#client = client;
  }

  /** @throws {Failure<"forbidden" | "cluster-refused">} for who may not look */
  async open(token: string, signal: AbortSignal): Promise<{ location: string; cookie: string }> {
    const user = token === "" ? undefined : await userOfToken(this.#client, token, signal);
    if (user === undefined) throw new Failure("forbidden", "the cluster does not know this token, or it has expired");
    const missing = await this.#missing(user, signal);
    if (missing !== undefined) {
      throw new Failure("forbidden", `${user.username} may not ${missing.verb} ${missing.resource} in this cluster`);
    }
    const door = new Door("the operator's page");
    this.#tidy();
    this.#sessions.set(door.base, { door, user, ends: AbortSignal.timeout(lastsMs) });
    return { location: door.base, cookie: door.cookie };
  }

  /** @param isOwnName whether this server is known by what `Host` has */
  admit(request: IncomingMessage, isOwnName: (host: string) => boolean): Entered {
    this.#tidy();
    const [, base = ""] = /^(\/[\w-]+\/)/.exec(request.url ?? "") ?? [];
    const session = this.#sessions.get(base);
    if (session === undefined) {
      return { admission: { kind: "refused", status: 401, reason: "the session is over: open the page anew" } };
    }
    return { admission: session.door.admit(request, isOwnName), visitor: this.#visitor(session) };
  }

  #visitor({ user, ends }: Session): FleetVisitor {
    const name = user.username;
    return {
      name,
      ends,
      viewer: async (signal) => {
        const missing = await this.#missing(user, signal);
        if (missing !== undefined) {
          throw new Failure("forbidden", `${name} may no longer ${missing.verb} ${missing.resource} in this cluster`);
        }
        const mayStop = await mayDo(this.#client, user, stops, signal);
        return mayStop ? { name } : { name, hindrance: `${name} may not patch fleetpolicies in this cluster` };
      },
    };
  }

  /** What one has to be allowed to look, and this one is not. */
  async #missing(user: ClusterUser, signal: AbortSignal): Promise<Deed | undefined> {
    for (const deed of looks) if (!(await mayDo(this.#client, user, deed, signal))) return deed;
    return undefined;
  }

  #tidy(): void {
    for (const [base, { ends }] of this.#sessions) {
      if (ends.aborted || this.#sessions.size >= sessionsMost) this.#sessions.delete(base);
    }
  }
}
