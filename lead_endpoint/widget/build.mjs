// Builds what websites load: `node build.mjs FOLDER PACKAGES`, PACKAGES being where esbuild is installed.
// The same source and lock give the same bytes.

import { copyFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const esbuild = createRequire(join(resolve(process.argv[3]), "package.json"))("esbuild");
const out = resolve(process.argv[2]);
const styles = {
  name: "styles",
  setup(build) {
    build.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const made = await esbuild.build({ entryPoints: [path], minify: true, write: false, charset: "utf8" });
      return { contents: made.outputFiles[0].text.trim(), loader: "text" };
    });
  },
};

/** Names that are ours alone: neither the browser's, nor the server's, nor a word, nor kept anywhere. */
const OWN = /^(element|refuse|busy|box|read|fault|say|outer|show|dress|tell|flush)$/;
const common = { outdir: out, bundle: true, minify: true, target: "es2022", charset: "utf8", logLevel: "warning",
  tsconfigRaw: {} };

await esbuild.build({
  ...common, entryPoints: ["widget", "touch", "frame"].map((name) => join(here, `${name}.ts`)), format: "iife",
  plugins: [styles], mangleProps: OWN,
});
await esbuild.build({ ...common, entryPoints: { "widget.work.v1": join(here, "work.ts") }, format: "esm" });
await esbuild.build({ ...common, entryPoints: { form: join(here, "page.css") } });
for (const name of ["widget", "touch"]) copyFileSync(join(out, `${name}.js`), join(out, `${name}.v1.js`));
