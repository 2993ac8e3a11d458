/** What system extensions are called: by settings, in a repository, and in their own files. */
import { pattern } from "./text.ts";
import type { Type } from "../model/type.ts";

/** systemd takes what follows an underscore for a version. */
export const extensionNamePattern = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/;

export const extensionName: Type<string> = pattern("1 to 40 small letters, digits and hyphens", extensionNamePattern);
