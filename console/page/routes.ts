/** The views of the page, and the part behind "#/" of the address by which each is reached. */
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
