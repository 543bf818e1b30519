// A passkey as a browser makes it, on a device that the browser pretends to have: added, signed in with, and refused where
// the device does not verify its user. One argument, JSON: browser, profile, page, api, email, password.
import { chromium } from "playwright-core";

const asked = JSON.parse(process.argv[2]);
const flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"];
const context = await chromium.launchPersistentContext(asked.profile, {
  executablePath: asked.browser, headless: true, args: flags,
});
const page = await context.newPage();
const device = await context.newCDPSession(page);
const options = {
  protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
  automaticPresenceSimulation: true,
};

// What a front end does: JSON of the server in, JSON of the browser out.
async function frontEnd({ api, email, password, what }) {
  async function post(path, body, token) {
    const headers = { "Content-Type": "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}) };
    const answer = await fetch(`${api}/api/v1/auth/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    return { status: answer.status, data: (await answer.json()).data };
  }
  if (what === "add") {
    const token = (await post("login", { email, password })).data.tokens.access_token;
    const begun = (await post("passkeys/begin", { password }, token)).data;
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(begun.options);
    const credential = (await navigator.credentials.create({ publicKey })).toJSON();
    return (await post("passkeys", { session: begun.session, credential, label: "This browser" }, token)).status;
  }
  const begun = (await post("passkeys/login/begin", {})).data;
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(begun.options);
  const made = await navigator.credentials.get({ publicKey }).catch((error) => error);
  if (made instanceof Error) return { error: made.name };
  const answer = await post("passkeys/login", { session: begun.session, credential: made.toJSON() });
  return { status: answer.status, email: answer.data?.user.email };
}

try {
  await device.send("WebAuthn.enable");
  const { authenticatorId } = await device.send("WebAuthn.addVirtualAuthenticator", { options });
  await page.goto(asked.page);
  const said = { added: await page.evaluate(frontEnd, { ...asked, what: "add" }) };
  said.entered = await page.evaluate(frontEnd, { ...asked, what: "enter" });
  await device.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
  said.unverified = await page.evaluate(frontEnd, { ...asked, what: "enter" });
  console.log(JSON.stringify(said));
} catch (error) {
  console.error(`${page.url()}\n${error}`);
  process.exitCode = 1;
} finally {
  await context.close();
}
