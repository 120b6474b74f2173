/** Each of examples/ that needs a tool: installed, built, started, and asked as its users do. */
import sharp from "sharp";

const PICTURE = await sharp({ create: { width: 64, height: 48, channels: 3, background: { r: 30, g: 90, b: 200 } } })
  .jpeg()
  .toBuffer();

/** Opens a page of an example, gives it a picture, and returns what was wrong. */
async function tryPage(browser, address) {
  const page = await browser.newPage();
  try {
    await page.goto(address);
    const said = page.locator("#said");
    await page.locator("#said", { hasText: /^Runs on / }).waitFor({ timeout: 30_000 });
    await page.setInputFiles("input[type=file]", { name: "picture.jpg", mimeType: "image/jpeg", buffer: PICTURE });
    await page.locator("#said", { hasText: /\(0\.\d\d\)$/ }).waitFor({ timeout: 30_000 });
    return (await said.textContent()).startsWith("airplane") ? [] : [`the page answers ${await said.textContent()}`];
  } catch (error) {
    return [`the page says ${await page.locator("body").textContent()} (${error.message})`];
  } finally {
    await page.close();
  }
}

/** Sends the picture, and bytes that are none. */
async function tryServer(address, body = PICTURE) {
  const post = async (bytes) =>
    (await fetch(address, { method: "POST", headers: { "Content-Type": "image/jpeg" }, body: bytes })).json();
  const answer = await post(body);
  const refusal = await post(new Uint8Array(5));
  return [
    ...(answer[0]?.label === undefined ? [`the server answers ${JSON.stringify(answer)}`] : []),
    ...(typeof refusal.error === "string" ? [] : [`the server answers no picture with ${JSON.stringify(refusal)}`]),
  ];
}

export const EXAMPLES = [
  {
    name: "nextjs",
    tool: "next",
    async check(project, { tarball, browser }) {
      project.model("public/model.safetensors").install(tarball).run(["npx", "next", "build"], { seconds: 600 });
      const complaints = await project.serving(["npx", "next", "start", "-p", "5392"], "http://127.0.0.1:5392/", async () => [
        ...(await tryPage(browser, "http://127.0.0.1:5392/")),
        ...(await tryServer("http://127.0.0.1:5392/api/classify")),
      ]);
      return { complaints, note: "page and route", of: "next" };
    },
  },
  {
    name: "react-vite",
    tool: "react, vite",
    async check(project, { tarball, browser }) {
      project.model("public/model.safetensors").install(tarball).run(["npm", "run", "build"]);
      const complaints = await project.serving(
        ["npx", "vite", "preview", "--port", "5393", "--host", "127.0.0.1"],
        "http://127.0.0.1:5393/",
        () => tryPage(browser, "http://127.0.0.1:5393/"),
      );
      return { complaints, note: "types without skipLibCheck", of: "react" };
    },
  },
  {
    name: "sveltekit",
    tool: "@sveltejs/kit",
    async check(project, { tarball, browser }) {
      project.model("static/model.safetensors").install(tarball).run(["npm", "run", "build"]);
      const env = { PORT: "5394", HOST: "127.0.0.1", ORIGIN: "http://127.0.0.1:5394", BODY_SIZE_LIMIT: "10M" };
      const complaints = await project.serving(
        ["node", "build"],
        "http://127.0.0.1:5394/",
        async () => [
          ...(await tryPage(browser, "http://127.0.0.1:5394/")),
          ...(await tryServer("http://127.0.0.1:5394/classify")),
        ],
        env,
      );
      return { complaints, note: "page and endpoint", of: "@sveltejs/kit" };
    },
  },
  {
    name: "cloudflare-worker",
    tool: "wrangler",
    async check(project, { tarball }) {
      project.model("src/model.safetensors").install(tarball);
      const complaints = await project.serving(["npx", "wrangler", "dev", "--port", "5395"], "http://127.0.0.1:5395/", () =>
        tryServer("http://127.0.0.1:5395/?width=32&height=32", new Uint8Array(3072).fill(90)),
      );
      return { complaints, note: "in workerd", of: "wrangler" };
    },
  },
  ...[
    { name: "bun", packages: ["bun"], command: ["npx", "bun", "classify.ts"] },
    {
      name: "deno",
      packages: ["deno"],
      command: ["npx", "deno", "run", "--allow-read", "--allow-env", "--allow-ffi", "--allow-sys", "classify.ts"],
    },
  ].map(({ name, packages, command }) => ({
    name,
    tool: name,
    async check(project, { tarball }) {
      project.write({ "picture.jpg": PICTURE }).model("model.safetensors").install(tarball, packages);
      const said = project.run([...command, "model.safetensors", "picture.jpg"]);
      return { complaints: /picture\.jpg.*airplane/s.test(said) ? [] : [said], note: "a picture file", of: name };
    },
  })),
];
