/** Who changed settings, as people read it: on the console of a laptop and in `apiclient history`. */
import type { TransactionBody } from "./answers.ts";

export function authorText(by: TransactionBody["by"]): string {
  switch (by.kind) {
    case "socket":
      return [
        ...(by.container === undefined ? [] : [`container ${by.container}`]),
        by.pid === undefined ? `uid ${by.uid}` : `uid ${by.uid} (process ${by.pid})`,
      ].join(", ");
    case "remote":
      return `remote ${by.subject}`;
    case "host":
      return `host (${by.part})`;
  }
}
