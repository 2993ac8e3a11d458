/** What the page knows of a host: parts of it come as server-sent events, each whole, whenever it is another. */
import type { HistoryBody, SettingsTreeBody } from "../api/answers.ts";
import type { Role } from "../api/endpoints/endpoint.ts";
import type { HostContainersBody } from "../api/host-containers.ts";
import type { BootTimeline, Usage } from "../api/machine-view.ts";
import type { StatusBody, UpdateStatusBody } from "../api/status.ts";
import type { CatalogueEntry } from "../settings/document/catalogue.ts";

/** Absent until it has come; null where the host has no such endpoint, or nothing to tell. */
export type ConsoleView = {
  /** Who looks, and what this page may do. */
  viewer?: Viewer;
  /** Whether the host answered last, and why not. */
  connection?: { reached: true } | { reached: false; reason: string };
  status?: StatusBody;
  updates?: UpdateStatusBody | null;
  history?: HistoryBody;
  settings?: SettingsTreeBody;
  containers?: HostContainersBody;
  boot?: BootTimeline | null;
  usage?: Usage | null;
};

export type Viewer = {
  /** The host as it is reached: "https://web-1:8443", "/run/api.sock". */
  address: string;
  /** Of the certificate, as far as the host tells; "admin" on its socket. */
  role: Role;
  /** Whether the page was opened with --write. */
  mayWrite: boolean;
};

export type Catalogue = readonly CatalogueEntry[];

/** Lines of a host container that came since the last. */
export type LogPart = { lines: readonly string[]; reason?: string };

/** What the page sends to call an endpoint of the host by its name in the contract. */
export type ForwardedCall = { query?: Readonly<Record<string, string>> | undefined; body?: unknown };
