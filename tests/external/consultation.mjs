// Two browsers with made-up cameras hold a consultation on the page of the demo, and what they saw is printed as JSON.
// One argument, JSON: browser, page, patient and doctor (email, password), shots (a folder, or "").
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { chromium } from "playwright-core"

const asked = JSON.parse(process.argv[2])
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")
const flags = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
]
const noise = [], seen = { flaws: [] }

// Small pictures, and the connections where the test can ask them.
function instrument() {
  window.connections = []
  const Native = window.RTCPeerConnection
  window.RTCPeerConnection = class extends Native {
    constructor(...given) { super(...given); window.connections.push(this); window.ice = given[0]?.iceServers }
  }
  const media = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
  navigator.mediaDevices.getUserMedia = wanted => media({ ...wanted, video: wanted.video && { width: 320, height: 240 } })
}

async function open(who, locale) {
  const browser = await chromium.launch({ executablePath: asked.browser, headless: true, args: flags })
  const page = await browser.newPage({ locale, viewport: { width: 1280, height: 800 } })
  page.setDefaultTimeout(30_000)
  page.on("console", message => ["error", "warning"].includes(message.type()) && noise.push(`${who}: ${message.text()}`))
  page.on("pageerror", error => noise.push(`${who}: ${error}`))
  await page.addInitScript(instrument)
  await page.goto(asked.page)
  return page
}

async function shoot(page, name) {
  if (asked.shots) await page.screenshot({ path: `${asked.shots}/${name}.png` })
}

async function examine(page, name) {
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() => window.axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"] }))
  for (const each of violations) seen.flaws.push(`${name}: ${each.id} ${each.nodes.map(node => node.html).join(" ")}`)
  await shoot(page, name)
}

async function signIn(page, { email, password }) {
  await page.fill("#email", email)
  await page.fill("#password", password)
  await page.press("#password", "Enter")
  await page.waitForSelector("#appointments button")
}

const text = (page, selector) => page.textContent(selector)
const shows = (page, selector) => page.waitForSelector(selector, { state: "visible" })
const frames = page => page.evaluate(async () => {
  const video = document.getElementById("remote")
  const [connection] = window.connections.slice(-1)
  const stats = [...(await connection.getStats()).values()]
  const decoded = stats.find(each => each.type === "inbound-rtp" && each.kind === "video")?.framesDecoded ?? 0
  return { shown: video.getVideoPlaybackQuality().totalVideoFrames, decoded, width: video.videoWidth, height: video.videoHeight,
    ice: connection.iceConnectionState, sound: stats.some(each => each.type === "inbound-rtp" && each.kind === "audio" && each.packetsReceived > 0) }
})
async function advancing(page) {
  await page.waitForFunction(() => document.getElementById("remote").getVideoPlaybackQuality().totalVideoFrames > 5)
  const before = await frames(page)
  await page.waitForFunction(shown => document.getElementById("remote").getVideoPlaybackQuality().totalVideoFrames > shown + 10, before.shown)
  return { before, after: await frames(page) }
}

const patient = await open("patient", "fr-FR"), doctor = await open("doctor", "en-GB")
try {
  await examine(patient, "sign-in")
  await signIn(patient, asked.patient)
  await signIn(doctor, asked.doctor)
  await examine(doctor, "agenda")
  seen.languages = [await patient.getAttribute("html", "lang"), await doctor.getAttribute("html", "lang")]

  await patient.click("#appointments button")
  await patient.waitForFunction(() => document.getElementById("state").textContent.includes("salle d’attente"))
  await examine(patient, "waiting")
  seen.early = await patient.isDisabled("#message")
  await doctor.click("#appointments button")
  await shows(doctor, "#admit")
  await shoot(doctor, "admit")
  await doctor.click("#admit")

  seen.calls = [await advancing(doctor), await advancing(patient)]
  seen.state = [await text(doctor, "#state"), await text(patient, "#state")]
  seen.ice = await patient.evaluate(() => window.ice)

  await patient.fill("#message", "Bonjour docteur <b>!</b>")
  await patient.press("#message", "Enter")
  await doctor.waitForSelector("#messages li p")
  await doctor.fill("#message", "Good morning")
  await doctor.click("#say button")
  for (const page of [doctor, patient]) await page.waitForFunction(() => document.querySelectorAll("#messages li").length === 2)
  seen.chat = [await doctor.locator("#messages p").allTextContents(), await patient.locator("#messages p").allTextContents()]
  seen.kept = await text(doctor, "#kept")

  await doctor.click("#microphone")
  await shows(patient, "#their-media")
  seen.muted = await text(patient, "#their-media")
  seen.pressed = await doctor.getAttribute("#microphone", "aria-pressed")
  await examine(patient, "call-patient")
  await examine(doctor, "call-doctor")
  await patient.setViewportSize({ width: 390, height: 844 })
  await shoot(patient, "call-phone")
  seen.wide = await patient.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth)
  await doctor.click("#microphone")
  await patient.waitForSelector("#their-media", { state: "hidden" })

  // The patient's page is loaded anew in the middle of the call: the consultation goes on without a waiting room.
  await patient.reload()
  await signIn(patient, asked.patient)
  await patient.click("#appointments button")
  seen.again = [await advancing(patient), await advancing(doctor)]

  await doctor.click("#hang-up")
  for (const page of [doctor, patient]) await shows(page, "#over")
  seen.over = [await text(doctor, "#why"), await text(patient, "#why")]
  seen.stopped = await doctor.evaluate(() => window.connections.every(each => each.connectionState === "closed"))
  await examine(patient, "over")
  console.log(JSON.stringify({ ...seen, noise }))
} catch (error) {
  await shoot(patient, "failed-patient")
  await shoot(doctor, "failed-doctor")
  console.error(`${error}\n${noise.join("\n")}\n${JSON.stringify(seen)}`)
  process.exitCode = 1
} finally {
  await patient.context().browser().close()
  await doctor.context().browser().close()
}
