/** A button that has the host do something, as far as the page and its role may. */
import type { Role } from "../../api/endpoints/endpoint.ts";
import { ActionButton, type ActionButtonProps } from "../../web/page/action-button.tsx";
import type { Viewer } from "../view.ts";
import { hindrance } from "./permission.ts";

type ActionProps = Omit<ActionButtonProps, "hindrance"> & {
  viewer: Viewer | undefined;
  role: Role;
  /** Whether it changes something on the host. */
  changes?: boolean;
};

export function Action({ viewer, role, changes = true, ...button }: ActionProps) {
  return <ActionButton {...button} hindrance={hindrance(viewer, role, changes)} />;
}
