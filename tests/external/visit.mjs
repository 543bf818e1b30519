// Drives a browser through an authorization and prints what the app shows at its end, as JSON.
// One argument, JSON: browser, profile, start, email, password, locale, width, shots (a folder, or "").
import { chromium } from "playwright-core";

const asked = JSON.parse(process.argv[2]);
const flags = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];
const context = await chromium.launchPersistentContext(asked.profile, {
  executablePath: asked.browser, headless: true, args: flags, locale: asked.locale,
  viewport: { width: asked.width, height: 900 },
});
const page = await context.newPage();
const noise = [];
page.on("console", (message) => message.type() === "error" && noise.push(message.text()));

async function shoot(name) {
  if (asked.shots) await page.screenshot({ path: `${asked.shots}/${name}-${asked.locale}-${asked.width}.png`, fullPage: true });
}

async function wide() {
  return page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
}

try {
  await page.goto(asked.start);
  await page.waitForSelector("#email");
  await shoot("login");
  const said = { language: await page.getAttribute("html", "lang"), wide: await wide() };
  await page.fill("#email", asked.email);
  await page.fill("#password", asked.password);
  await page.press("#password", "Enter");
  await page.waitForSelector("input[name=scope], button[name=encounter]");
  if (await page.$("button[name=encounter]")) {
    await shoot("encounter");
    said.wide ||= await wide();
    await page.click("button[name=encounter]");
    await page.waitForSelector("input[name=scope]");
  }
  await shoot("consent");
  said.wide ||= await wide();
  await page.click("button[value=allow]");
  await page.waitForFunction(() => document.getElementById("told")?.textContent, undefined, { timeout: 20000 });
  said.told = JSON.parse(await page.textContent("#told"));
  console.log(JSON.stringify(said));
} catch (error) {
  console.error(`${page.url()}\n${error}\n${noise.join("\n")}\n${await page.textContent("body").catch(() => "")}`);
  process.exitCode = 1;
} finally {
  await context.close();
}
