/** The `apiclient` for machines that are no hosts: an executable of its own. */
import { main } from "./apiclient.ts";

await main(process.argv.slice(2));
