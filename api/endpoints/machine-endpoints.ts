/** The machine: its reboot, ephemeral disks, host containers, and the archive for support. */
import { z } from "zod";
import { ephemeralBind, ephemeralInit, listFormat, paths } from "../ephemeral-storage.ts";
import { hostContainers } from "../host-containers.ts";
import type { Endpoint } from "./endpoint.ts";
import { noQuery, wholeNumber } from "./query.ts";

export const machineEndpoints = {
  reboot: {
    method: "POST",
    path: "/actions/reboot",
    summary: "Reboot now",
    role: "operator",
    remote: true,
    query: noQuery,
    answers: { 204: "nothing" },
    refusals: [],
  },
  initEphemeralStorage: {
    method: "POST",
    path: "/actions/ephemeral-storage/init",
    summary: "Make a file system on ephemeral disks, several of them as one, and mount it; done without any too",
    role: "admin",
    remote: true,
    query: noQuery,
    body: ephemeralInit,
    answers: { 204: "nothing" },
    refusals: [409, 423],
  },
  bindEphemeralStorage: {
    method: "POST",
    path: "/actions/ephemeral-storage/bind",
    summary:
      "Bind directories to ephemeral storage, all of the variant's unless some are named; done without any disk too",
    role: "admin",
    remote: true,
    query: noQuery,
    body: ephemeralBind,
    answers: { 204: "nothing" },
    refusals: [409, 423],
  },
  listEphemeralDisks: {
    method: "GET",
    path: "/actions/ephemeral-storage/list-disks",
    summary: "The ephemeral disks of this machine",
    role: "read-only",
    remote: true,
    query: z.object({ format: listFormat.optional() }),
    answers: { 200: paths },
    lines: "application/text",
    refusals: [],
  },
  listEphemeralTargets: {
    method: "GET",
    path: "/actions/ephemeral-storage/list-dirs",
    summary: "Directories that may be bound to ephemeral storage, beside those below /mnt",
    role: "read-only",
    remote: true,
    query: z.object({ format: listFormat.optional() }),
    answers: { 200: paths },
    lines: "application/text",
    refusals: [],
  },
  exec: {
    method: "GET",
    path: "/exec",
    summary: "Run a program in a host container, over a websocket",
    role: "admin",
    remote: true,
    query: noQuery,
    answers: {},
    refusals: [426],
    upgrade: "websocket",
  },
  // Not in Bottlerocket:
  getHostContainers: {
    method: "GET",
    path: "/host-containers",
    summary: "State, restarts, image and last log lines of the host's own containers",
    role: "read-only",
    remote: true,
    query: z.object({ name: z.string().optional(), lines: wholeNumber(0, 1000).optional() }),
    answers: { 200: hostContainers },
    refusals: [],
  },
  supportArchive: {
    method: "POST",
    path: "/actions/support-archive",
    summary: "Collect logs and state of the host, without its secrets, as a compressed tar archive",
    role: "admin",
    remote: true,
    query: noQuery,
    answers: {},
    refusals: [409],
    download: "application/gzip",
  },
} as const satisfies Record<string, Endpoint>;
