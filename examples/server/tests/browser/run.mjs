// A browser at the pages of gitwired: signs in, makes a repository, pushes to it with git, and sees the commit. Every page is looked at
// in both colour schemes and at three widths: nothing is wider than the window, nothing breaks the page's own policy, and axe finds nothing
// that keeps anybody out (WCAG 2 A and AA). The same again without JavaScript.
//
// node run.mjs MODULES GITWIRED CHROMIUM

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [modules, gitwired, executablePath] = process.argv.slice(2);
const require = createRequire(join(modules, "node_modules", "x.js"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const folder = mkdtempSync(join(tmpdir(), "gitwired-browser-"));
const password = "correct horse & battery";
const failures = [];
let server, browser;

function expect(holds, what) {
  if (!holds) failures.push(what);
}

function git(...args) {
  const env = { PATH: process.env.PATH, HOME: folder, GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null", GIT_TERMINAL_PROMPT: "0" };
  for (const who of ["AUTHOR", "COMMITTER"]) {
    env[`GIT_${who}_NAME`] = "Ann";
    env[`GIT_${who}_EMAIL`] = "ann@example.org";
  }
  return execFileSync("git", args, { cwd: folder, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

async function start() {
  execFileSync(gitwired, ["user", "add", "--users", "users", "ann", "admin"], { cwd: folder, input: `${password}\n` });
  const options = ["--root", folder, "--users", join(folder, "users"), "--allow-push", "auth", "--listen", "http://127.0.0.1:0", "--listen", "git://127.0.0.1:0"];
  server = spawn(gitwired, options, { cwd: folder, stdio: ["ignore", "pipe", "ignore"] });
  let said = "";
  for await (const piece of server.stdout) {
    said += piece;
    const url = said.match(/^listening (http:\S+)$/m);
    if (url) return url[1];
  }
  throw new Error("gitwired did not start");
}

async function visit(options) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.on("console", (message) => {
    // A status that was expected is said there too.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) failures.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => failures.push(`${page.url()}: ${error}`));
  return page;
}

async function signIn(page, base) {
  await page.goto(base);
  await page.click("text=Sign in");
  await page.fill("#user", "ann");
  await page.fill("#password", "wrong");
  await page.click("main button[type=submit]");
  expect((await page.textContent("[role=alert]")).includes("wrong"), "a wrong password is told");
  await page.fill("#password", password);
  await page.click("main button[type=submit]");
  await page.waitForURL(`${base}/`);
  expect((await page.textContent("header")).includes("ann"), "who has signed in is named");
}

async function make(page, base, name) {
  await page.goto(base);
  await page.click("main >> text=New repository");
  await page.fill("#name", "not a name");
  await page.click("main button[type=submit]");
  expect((await page.textContent("[role=alert]")).includes("Not made"), "a bad name is told");
  await page.fill("#name", name);
  await page.fill("#description", "Made in a browser");
  await page.click("main button[type=submit]");
  await page.waitForURL(`${base}/${name}.git`);
  expect((await page.textContent("main")).includes("This repository is empty"), "a new repository is empty");
  return page.inputValue("#clone-1");
}

function push(url) {
  const work = join(folder, "work");
  git("init", "-q", "-b", "main", "work");
  writeFileSync(join(work, "README.md"), "# Pushed\n\nBy *git*, and a [link](src.txt).\n\n```\ncode\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n");
  writeFileSync(join(work, "src.txt"), "one\ntwo\n");
  git("-C", "work", "add", ".");
  git("-C", "work", "commit", "-q", "-m", "Seen in a browser");
  writeFileSync(join(work, "src.txt"), "one\nthree\n");
  git("-C", "work", "commit", "-q", "-a", "-m", "Change a line");
  const withName = url.replace("http://", `http://ann:${encodeURIComponent(password)}@`);
  git("-C", "work", "push", "-q", withName, "main", "main~1:refs/tags/v1");
}

async function look(page, what) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const width of [360, 768, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(wide <= width, `${what}: ${wide} pixels at a width of ${width}`);
    }
    await page.evaluate(axe);
    const { violations, passes } = await page.evaluate(() => window.axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }));
    expect(passes.some(({ id }) => id === "color-contrast"), `${what}: axe has looked`);
    for (const { id, nodes } of violations) {
      failures.push(`${what} (${colorScheme}): ${id}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 150)).join("  ")}`);
    }
  }
}

async function all() {
  const base = await start();
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  const page = await visit({ permissions: ["clipboard-read", "clipboard-write"] });
  await signIn(page, base);
  const url = await make(page, base, "tools/pushed");
  expect(url === `${base}/tools/pushed.git`, `clone URL ${url}`);
  await look(page, "empty repository");
  push(url);

  await page.reload();
  expect((await page.textContent(".last .subject")) === "Change a line", "the pushed commit is seen");
  expect((await page.textContent(".prose h1")) === "Pushed", "the README is laid out");
  await page.click("[data-copy=clone-1]");
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied === url, `copied ${copied}`);
  await page.click(".last .subject");
  expect((await page.textContent("main h1")) === "Change a line", "the commit has a page");
  expect((await page.textContent(".diff .add .text")).includes("three"), "its lines are seen");

  const id = git("-C", "work", "rev-parse", "HEAD").trim();
  const repository = "/tools/pushed.git";
  for (const path of [
    "/", "/?q=nothing", "/-/new", repository, `${repository}/-/files/src.txt`, `${repository}/-/files/README.md`, `${repository}/-/files?tag=v1`,
    `${repository}/-/commits`, `${repository}/-/commit/${id}`, `${repository}/-/branches`, `${repository}/-/tags`, "/nothing.git",
  ]) {
    await page.goto(base + path);
    await look(page, path);
  }
  await page.goto(base);
  await page.click("text=Sign out");
  expect((await page.textContent("header")).includes("Sign in"), "signed out");
  await page.goto(`${base}/-/sign-in`);
  await look(page, "/-/sign-in");

  const plain = await visit({ javaScriptEnabled: false });
  await signIn(plain, base);
  const other = await make(plain, base, "plain");
  expect(other === `${base}/plain.git`, "a clone URL is there without JavaScript");
  expect(!(await plain.isVisible("[data-copy]")), "no button that does nothing");
  await plain.goto(base + repository);
  await plain.click(".picker summary");
  await plain.click(".picker >> text=v1");
  expect((await plain.textContent(".last .subject")) === "Seen in a browser", "a tag is chosen without JavaScript");
}

try {
  await all();
} catch (error) {
  failures.push(error.stack);
} finally {
  await browser?.close();
  server?.kill();
  rmSync(folder, { recursive: true, force: true });
}
for (const failure of failures) console.error(`FAILED ${failure}`);
if (failures.length > 0) process.exit(1);
console.log("the browser saw what it should");
