/** Which view is shown: the part behind "#/" of the address, so that a view can be kept as a bookmark and gone back to. */
import { useEffect, useState } from "preact/hooks";

export const routeNames = ["overview", "boot", "settings", "history", "containers", "update", "machine"] as const;
export type RouteName = (typeof routeNames)[number];

export const titles: Record<RouteName, string> = {
  overview: "Overview",
  boot: "Boot",
  settings: "Settings",
  history: "History",
  containers: "Containers",
  update: "Update",
  machine: "Machine",
};

export const addressOf = (route: RouteName): string => (route === "overview" ? "#/" : `#/${route}`);

export function routeIn(hash: string): RouteName {
  const name = hash.replace(/^#\/?/, "");
  return routeNames.find((known) => known === name) ?? "overview";
}

export function useRoute(): RouteName {
  const [route, setRoute] = useState(routeIn(location.hash));
  useEffect(() => {
    const changed = (): void => setRoute(routeIn(location.hash));
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}
