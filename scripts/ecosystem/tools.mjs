/**
 * The tools, an entry each, with their defaults: what is installed, what a user writes, what is run. `page` is the folder of a built page;
 * `server` a program that says its answer as JSON on its last line.
 */
import { PIXELS } from "./project.mjs";

// Without a top-level await, which bundlers lower for browsers that have none.
const PAGE_SCRIPT = `import { loadModel } from "rbnet/runtime";
const threads = Number(new URLSearchParams(location.search).get("threads") ?? 1);
const show = (found) => (document.body.textContent = JSON.stringify(found));
loadModel("/model.safetensors", { threads })
  .then(async (classify) => show({ backend: classify.facts.backend, ...(await classify(${PIXELS}))[0] }))
  .catch((error) => show({ error: String(error) }));
`;
const html = (script) => `<!doctype html><html><body><script type="module" src="${script}"></script></body></html>\n`;
const PAGE = { "index.html": html("./page.js"), "page.js": PAGE_SCRIPT };
const BUILT = { ...PAGE, "dist/index.html": html("./page.js") };

const SERVER_SCRIPT = `import { loadModel } from "rbnet/runtime";
const classify = await loadModel(process.argv[2] ?? "rbnet20-cifar10", { threads: 2 });
const [best] = await classify(${PIXELS});
console.log(JSON.stringify({ backend: classify.facts.backend, ...best }));
classify.dispose();
`;
const SERVER = { "server.js": SERVER_SCRIPT };
const npx = (...args) => ["npx", "--no-install", ...args];

const vite = (version) => ({
  name: "vite",
  version,
  packages: [`vite@${version}`],
  files: PAGE,
  build: npx("vite", "build"),
  page: "dist",
});

export const PAGES = [
  vite(8),
  vite(7),
  vite(6),
  vite(5),
  {
    name: "webpack",
    version: 5,
    packages: ["webpack@5", "webpack-cli"],
    files: BUILT,
    build: npx("webpack", "--mode", "production", "--entry", "./page.js", "--output-filename", "page.js"),
    page: "dist",
  },
  {
    name: "@rspack/core",
    version: 2,
    packages: ["@rspack/core@2", "@rspack/cli@2"],
    files: {
      ...BUILT,
      "rspack.config.js": `export default { mode: "production", entry: "./page.js", output: { filename: "page.js" } };\n`,
    },
    build: npx("rspack", "build"),
    page: "dist",
  },
  {
    name: "rollup",
    version: 4,
    packages: ["rollup@4", "@rollup/plugin-node-resolve"],
    files: BUILT,
    build: npx("rollup", "page.js", "--plugin", "node-resolve", "--format", "es", "--file", "dist/page.js"),
    page: "dist",
  },
  {
    name: "esbuild",
    version: "latest",
    packages: ["esbuild"],
    files: BUILT,
    build: npx("esbuild", "page.js", "--bundle", "--format=esm", "--minify", "--outfile=dist/page.js"),
    page: "dist",
  },
  {
    name: "parcel",
    version: 2,
    packages: ["parcel@2"],
    files: PAGE,
    build: npx("parcel", "build", "index.html", "--no-cache"),
    page: "dist",
  },
  {
    name: "bun",
    version: "latest",
    packages: ["bun"],
    files: BUILT,
    build: npx("bun", "build", "page.js", "--target=browser", "--minify", "--outdir=dist"),
    page: "dist",
  },
];

/** Servers of a development build: its address is opened as it is. */
export const DEVELOPMENT = [8, 7, 6, 5].map((version) => ({
  name: "vite",
  version,
  packages: [`vite@${version}`],
  files: {
    ...PAGE,
    "vite.config.js": `const headers = process.env.ISOLATED
  ? { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" }
  : {};
export default { server: { headers } };\n`,
  },
  serve: (port) => npx("vite", "--port", String(port), "--strictPort", "--host", "127.0.0.1"),
}));

export const SERVERS = [
  { name: "node", packages: [], files: SERVER, server: ["node", "server.js"] },
  {
    name: "webpack",
    setting: "--target node",
    packages: ["webpack@5", "webpack-cli"],
    files: SERVER,
    build: npx(
      "webpack",
      "--mode",
      "production",
      "--target",
      "node",
      "--entry",
      "./server.js",
      "--output-filename",
      "server.cjs",
    ),
    server: ["node", "dist/server.cjs"],
  },
  {
    name: "esbuild",
    setting: "--platform=node",
    packages: ["esbuild"],
    files: SERVER,
    build: npx("esbuild", "server.js", "--bundle", "--platform=node", "--format=esm", "--outfile=dist/server.mjs"),
    server: ["node", "dist/server.mjs"],
  },
  {
    name: "rollup",
    setting: "exportConditions: node",
    packages: ["rollup@4", "@rollup/plugin-node-resolve"],
    files: {
      ...SERVER,
      "rollup.config.js": `import { nodeResolve } from "@rollup/plugin-node-resolve";
export default {
  input: "server.js",
  output: { dir: "dist", entryFileNames: "server.mjs" },
  plugins: [nodeResolve({ exportConditions: ["node"] })],
};\n`,
    },
    build: npx("rollup", "--config"),
    server: ["node", "dist/server.mjs"],
  },
  {
    name: "vite",
    setting: "build --ssr",
    packages: ["vite@8"],
    files: SERVER,
    build: npx("vite", "build", "--ssr", "server.js"),
    server: ["node", "dist/server.js"],
  },
  {
    name: "@vercel/ncc",
    setting: "a model by its path, not by its name",
    packages: ["@vercel/ncc"],
    files: SERVER,
    build: npx("ncc", "build", "server.js", "--out", "dist"),
    server: ["node", "dist/index.js", "model.safetensors"],
  },
  { name: "bun", packages: ["bun"], files: SERVER, server: npx("bun", "server.js") },
  {
    name: "bun",
    setting: "build --compile",
    packages: ["bun"],
    files: SERVER,
    build: npx("bun", "build", "--compile", "server.js", "--outfile", "program"),
    server: ["./program"],
  },
  {
    name: "deno",
    setting: "--allow-read --allow-env",
    packages: ["deno"],
    files: SERVER,
    server: npx("deno", "run", "--allow-read", "--allow-env", "server.js"),
  },
  { name: "tsx", packages: ["tsx"], files: { "server.ts": SERVER_SCRIPT }, server: npx("tsx", "server.ts") },
  {
    name: "jest",
    setting: "environment jsdom, node's conditions",
    packages: ["jest", "jest-environment-jsdom"],
    files: {
      "jest.config.js": `export default {
  testEnvironment: "jsdom",
  transform: {},
  testEnvironmentOptions: { customExportConditions: ["node"] },
};\n`,
      "page.test.js": `import { readFileSync } from "node:fs";
test("classifies", async () => {
  const { loadModel } = await import("rbnet/runtime");
  const classify = await loadModel(readFileSync("model.safetensors"));
  const [best] = await classify(${PIXELS});
  process.stdout.write("\\n" + JSON.stringify({ backend: classify.facts.backend, ...best }) + "\\n");
});\n`,
    },
    server: ["node", "--experimental-vm-modules", "node_modules/jest/bin/jest.js", "--silent"],
  },
  {
    name: "vitest",
    setting: "environment jsdom",
    packages: ["vitest", "jsdom"],
    files: {
      "page.test.js": `// @vitest-environment jsdom
import { readFileSync } from "node:fs";
import { loadModel } from "rbnet/runtime";
import { test } from "vitest";
test("classifies", async () => {
  const classify = await loadModel(readFileSync("model.safetensors"));
  const [best] = await classify(${PIXELS});
  process.stdout.write("\\n" + JSON.stringify({ backend: classify.facts.backend, ...best }) + "\\n");
});\n`,
    },
    server: npx("vitest", "run"),
  },
];

const USING_TYPES = `import { type Classify, type Image, loadModel } from "rbnet/runtime";
export async function answer(image: Image): Promise<string> {
  const classify: Classify<Image> = await loadModel("/model.safetensors", { threads: 2 });
  const [best] = await classify(image);
  classify.dispose();
  return \`\${best?.label} \${best?.score.toFixed(2)}\`;
}
`;

/** Frameworks whose projects check types in a way of their own, as a new one is set up. */
export const TYPES = [
  {
    name: "@angular/core",
    packages: ["@angular/core", "@angular/compiler", "@angular/compiler-cli", "rxjs", "tslib", "typescript@^6"],
    files: {
      "answer.ts": USING_TYPES,
      "app.ts": `import { Component, signal } from "@angular/core";
import { answer } from "./answer";
@Component({ selector: "app-root", template: "<input type='file' (change)='choose($event)'><p>{{ said() }}</p>" })
export class App {
  readonly said = signal("");
  async choose(event: Event): Promise<void> {
    const [file] = (event.target as HTMLInputElement).files ?? [];
    if (file !== undefined) this.said.set(await answer(file));
  }
}
`,
      "tsconfig.json": JSON.stringify({
        compilerOptions: {
          strict: true,
          noImplicitOverride: true,
          noPropertyAccessFromIndexSignature: true,
          isolatedModules: true,
          experimentalDecorators: true,
          importHelpers: true,
          target: "ES2022",
          module: "preserve",
          noEmit: true,
          types: [],
        },
        angularCompilerOptions: { strictTemplates: true, strictInjectionParameters: true },
        include: ["*.ts"],
      }),
    },
    check: npx("ngc", "--project", "tsconfig.json"),
  },
  {
    name: "nuxt",
    packages: ["nuxt", "vue-tsc", "typescript@^5"],
    files: {
      "nuxt.config.ts": "export default defineNuxtConfig({ typescript: { strict: true } });\n",
      "tsconfig.json": JSON.stringify({
        files: [],
        references: ["app", "server", "shared", "node"].map((part) => ({ path: `./.nuxt/tsconfig.${part}.json` })),
      }),
      "app/answer.ts": USING_TYPES,
      "app/app.vue": `<script setup lang="ts">
import { ref } from "vue";
import { answer } from "./answer";
const said = ref("");
async function choose(event: Event): Promise<void> {
  const [file] = (event.target as HTMLInputElement).files ?? [];
  if (file !== undefined) said.value = await answer(file);
}
</script>
<template><input type="file" @change="choose" /><p>{{ said }}</p></template>
`,
    },
    check: npx("nuxt", "typecheck"),
  },
];
