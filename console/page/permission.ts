/** Whether the page may do something, and else why not. */
import type { Role } from "../../api/endpoints/endpoint.ts";
import type { Viewer } from "../view.ts";

const order: readonly Role[] = ["read-only", "operator", "admin"];

/** Undefined when it may. */
export function hindrance(viewer: Viewer | undefined, needed: Role, changes = true): string | undefined {
  if (viewer === undefined) return "not connected yet";
  if (order.indexOf(viewer.role) < order.indexOf(needed)) return `needs the role ${needed}; yours is ${viewer.role}`;
  if (changes && !viewer.mayWrite) return "this page only looks: start it with --write to change something";
  return undefined;
}
