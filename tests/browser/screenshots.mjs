// The pictures of the README: the session of the quickstart, and the overview of a busy project.
import { spawn } from "node:child_process";
import { mkdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { browser, serve, tab } from "./stage.mjs";

const ROOT = resolve(import.meta.dirname, "../..");
const IMAGES = join(ROOT, "docs/images");
/** The largest picture, in bytes: a README loads all of them. */
const LARGEST = 300 << 10;

function run(program, args, env) {
  return new Promise((done, failed) => {
    const child = spawn(program, args, { cwd: ROOT, env, stdio: ["ignore", "ignore", "inherit"] });
    child.on("error", failed);
    child.on("exit", (code) => code === 0 ? done() : failed(new Error(`${program} ${args.join(" ")}: ${code}`)));
  });
}

const server = await serve();
const chrome = await browser();
try {
  await mkdir(IMAGES, { recursive: true });
  const { page, complaints } = await tab(chrome, server.url);
  const take = async (name) => {
    const path = join(IMAGES, `${name}.png`);
    await page.screenshot({ path });
    const { size } = await stat(path);
    if (size > LARGEST) throw new Error(`${path}: ${size} bytes, ${LARGEST} at most`);
    console.log(`${path}: ${Math.round(size / 1024)} KB`);
  };
  await run(join(ROOT, "target/debug/examples/quickstart"), [], { ...server.env,
    AGENTOPS_API_ENDPOINT: server.url, AGENTOPS_API_KEY: "00000000-0000-4000-8000-000000000000" });
  await page.goto(server.url);
  await page.locator("[data-row] a.name").first().click();
  await page.locator(".row.k-llms").first().click();
  await page.locator("#panel article", { hasText: "Conversation" }).waitFor();
  await page.mouse.move(0, 0);
  // Which machine and folder the picture was taken in is no reader's business.
  await page.evaluate(() => { for (const fact of document.querySelectorAll("#head > .line > span:not(.mono):not(:has(time))")) fact.remove(); });
  await take("session");
  await run("cargo", ["xtask", "busy", "--endpoint", server.url], process.env);
  await page.goto(`${server.url}/overview?range=week`);
  await take("overview");
  await page.goto(server.url);
  await take("sessions");
  if (complaints.length) throw new Error(complaints.join("\n"));
} finally {
  await chrome.close();
  await server.stop();
}
