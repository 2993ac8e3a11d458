/**
 * Services and configuration files in Bottlerocket's words, worked out from the reconcilers instead of being kept by hand.
 *
 * A service is a systemd unit that reads rendered files, a rendered file that no unit reads, or a reconciler that acts
 * by itself. A setting affects those that read it, under the present settings.
 */
import { basename } from "node:path";
import { Refused } from "../../../api/client/refused.ts";
import { isFailure } from "../../../lib/failure.ts";
import { fullKey, isUnder } from "../../../settings/model/key.ts";
import type { Settings } from "../../../settings/model/model.ts";
import { recordReads } from "../../datastore/reads.ts";
import { serviceManager, type ConfigFiles, type RenderedFile } from "../../files/config-file.ts";
import type { ApiContext } from "../context.ts";
import { didYouMean } from "../did-you-mean.ts";
import type { Handlers } from "../handler.ts";
import { startingWith, withRoot } from "../answers/prefix.ts";

export type Service = { "configuration-files": string[]; "restart-commands": string[] };
export type ConfigurationFile = { path: string; "template-path": string; mode?: string };

/** It applies `configFiles`, which are looked at one by one instead. */
const filesReconcilerName = "files";

type Context = Pick<ApiContext, "system" | "facts" | "currentSettings" | "datastore" | "reconcilers" | "configFiles">;

export class ConfigurationMetadata {
  readonly #context: Context;
  /** No setting decides what there is to restart. */
  readonly services: Readonly<Record<string, Service>>;
  /** By the settings they were rendered from. */
  readonly #files = new WeakMap<Settings, Readonly<Record<string, ConfigurationFile>>>();
  #reads: { version: number; byService: Promise<Map<string, Set<string>>> } | undefined;

  constructor(context: Context) {
    this.#context = context;
    this.services = this.#servicesOfAll();
  }

  #servicesOfAll(): Record<string, Service> {
    const services = new Map<string, Service>();
    const add = (name: string, file: string | undefined, command: string | undefined): void => {
      const service = services.get(name) ?? { "configuration-files": [], "restart-commands": [] };
      if (file !== undefined) service["configuration-files"].push(file);
      if (command !== undefined && !service["restart-commands"].includes(command)) {
        service["restart-commands"].push(command);
      }
      services.set(name, service);
    };
    for (const group of this.#context.configFiles) {
      for (const unit of group.restart) add(serviceOf(unit), shortName(group.name), `systemctl try-restart ${unit}`);
      for (const unit of group.reload) {
        if (unit !== serviceManager)
          add(serviceOf(unit), shortName(group.name), `systemctl try-reload-or-restart ${unit}`);
      }
      if (servicesOf(group)[0] === basename(group.name)) add(basename(group.name), shortName(group.name), undefined);
    }
    for (const name of this.#actingAlone()) add(name, undefined, undefined);
    return Object.fromEntries(services);
  }

  /** There are no templates: files are made by code. */
  configurationFiles(): Readonly<Record<string, ConfigurationFile>> {
    const settings = this.#context.currentSettings.settings();
    const known = this.#files.get(settings);
    if (known !== undefined) return known;
    const files = this.#filesFor(settings);
    this.#files.set(settings, files);
    return files;
  }

  #filesFor(settings: Settings): Record<string, ConfigurationFile> {
    const { configFiles, facts } = this.#context;
    const files = configFiles.flatMap((group) => rendered(group, () => group.render(settings, facts)));
    return Object.fromEntries(
      files.map((file) => {
        const { path } = file;
        const mode = "mode" in file ? { mode: file.mode.toString(8).padStart(4, "0") } : {};
        return [shortName(path), { path, "template-path": "", ...mode }];
      }),
    );
  }

  async affectedServices(keys: readonly string[]): Promise<Record<string, string[]>> {
    const reads = await this.#currentReads();
    const affected = (key: string): string[] =>
      [...reads].flatMap(([service, read]) =>
        [...read].some((readKey) => isUnder(readKey, key) || isUnder(key, readKey)) ? [service] : [],
      );
    return Object.fromEntries(keys.map((key) => [key, affected(key)]).filter(([, services]) => services?.length !== 0));
  }

  #actingAlone(): string[] {
    return this.#context.reconcilers.map(({ name }) => name).filter((name) => name !== filesReconcilerName);
  }

  async #currentReads(): Promise<Map<string, Set<string>>> {
    const { version } = this.#context.datastore;
    if (this.#reads !== undefined && this.#reads.version === version) return this.#reads.byService;
    const reads = { version, byService: this.#recordAll() };
    this.#reads = reads;
    return reads.byService;
  }

  async #recordAll(): Promise<Map<string, Set<string>>> {
    const { configFiles, reconcilers, currentSettings, facts, system } = this.#context;
    const reads = new Map<string, Set<string>>();
    for (const group of configFiles) {
      const { settings, values } = recordReads(currentSettings.settings());
      rendered(group, () => group.render(settings, facts));
      for (const service of servicesOf(group)) reads.set(service, (reads.get(service) ?? new Set()).union(values));
    }
    for (const reconciler of reconcilers.filter(({ name }) => name !== filesReconcilerName)) {
      const { settings, values } = recordReads(currentSettings.settings());
      try {
        await reconciler.preview(system, settings, facts);
      } catch (error) {
        // It has read its settings and cannot look at the machine; GET /status says why.
        if (!isFailure(error)) system.log.error(`api: ${reconciler.name} cannot be previewed`, error);
      }
      reads.set(reconciler.name, new Set(values.keys()));
    }
    return reads;
  }
}

export function metadataHandlers(
  { generators }: Pick<ApiContext, "generators">,
  metadata: ConfigurationMetadata,
): Handlers<"getAffectedServices" | "getSettingGenerators" | "getTemplates" | "getServices" | "getConfigurationFiles"> {
  return {
    getAffectedServices: async ({ query }) => metadata.affectedServices(query.keys.map(fullKey)),
    getSettingGenerators: () => Object.fromEntries(generators),
    getTemplates: () => ({}),
    getServices: ({ query }) => chosen("no-such-service", metadata.services, "services.", query),
    getConfigurationFiles: ({ query }) =>
      chosen("no-such-configuration-file", metadata.configurationFiles(), "configuration-files.", query),
  };
}

/** Bottlerocket: a listed name must be there, a prefix that nothing has gives an empty answer. */
function chosen<Value>(
  missing: "no-such-service" | "no-such-configuration-file",
  all: Readonly<Record<string, Value>>,
  root: string,
  { names, prefix = "" }: { names?: string[] | undefined; prefix?: string | undefined },
): Record<string, Value> {
  if (names === undefined) return startingWith(all, root, withRoot(prefix, root));
  return Object.fromEntries(
    names.map((name) => {
      const value = Object.hasOwn(all, name) ? all[name] : undefined;
      if (value !== undefined) return [name, value];
      const message = `cannot get ${name.slice(0, 200)}: there is ${missing.replaceAll("-", " ")}`;
      throw new Refused(missing, message, didYouMean(name, Object.keys(all)));
    }),
  );
}

function servicesOf(group: ConfigFiles): string[] {
  const units = [...group.restart, ...group.reload.filter((unit) => unit !== serviceManager)];
  return units.length === 0 ? [basename(group.name)] : [...new Set(units.map(serviceOf))];
}

/** What a file is called: "motd" for /etc/motd. */
const shortName = (path: string): string => path.replace(/^\/etc\//, "");

const serviceOf = (unit: string): string => unit.replace(/\.[a-z]+$/, "");

/** Nothing for a group that refuses the settings: its reconciler says so in GET /status. */
function rendered(group: ConfigFiles, render: () => RenderedFile[]): RenderedFile[] {
  try {
    return render();
  } catch (error) {
    if (isFailure(error)) return [];
    throw new Error(`cannot render ${group.name}`, { cause: error });
  }
}
