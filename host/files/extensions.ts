/** Which extensions settings choose, for the programs that fetch and merge them. */
import { chosenPath } from "../extensions/places.ts";
import { chosenText } from "../extensions/records.ts";
import { chosenExtensions } from "../extensions/standing.ts";
import { configFile } from "./config-file.ts";

export const extensionList = configFile({
  path: chosenPath,
  render(settings) {
    const names = chosenExtensions(settings);
    return names.length === 0 ? undefined : chosenText(names);
  },
});
