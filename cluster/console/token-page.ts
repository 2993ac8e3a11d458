/** The form for a token, before one is in: a page without scripts. */

const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

/** @param refusal why the last token did not open the door */
export function tokenPage(refusal?: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>Orlop fleet</title>
    <link rel="icon" href="icon.svg" type="image/svg+xml" />
    <link rel="stylesheet" href="style.css" />
  </head>
  <body>
    <main class="doorstep">
      <h1>The fleet of this cluster</h1>
      ${refusal === undefined ? "" : `<div class="refusal" role="alert"><p>${escaped(refusal)}</p></div>`}
      <form method="post" action="session" class="card">
        <p><label for="token">A token of this cluster whose owner may list FleetPolicies and Nodes</label></p>
        <p><input id="token" name="token" type="password" autocomplete="off" required autofocus /></p>
        <p><button type="submit" class="main">Look</button></p>
        <p class="fine">It is shown to the cluster and forgotten. <code>kubectl create token</code> makes one that ends by itself.</p>
      </form>
    </main>
  </body>
</html>
`;
}
