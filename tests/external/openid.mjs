// openid-client, the strictest of the clients, through everything it can do. One argument, JSON: what, and with what.
// Where a user is needed it prints where to send them, and reads where they came back to, a line each.
import { createInterface } from "node:readline/promises";
import { createServer } from "node:http";
import { webcrypto as crypto } from "node:crypto";
import * as oidc from "openid-client";

const asked = JSON.parse(process.argv[2]);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const insecure = { execute: [oidc.allowInsecureRequests] };
const issuer = new URL(asked.issuer);

function say(what) {
  console.log(JSON.stringify(what));
}

async function visit(address) {
  say({ visit: address.href });
  return new URL((await lines.next()).value);
}

async function authorized(config, scope, redirect_uri) {
  const code_verifier = oidc.randomPKCECodeVerifier();
  const [nonce, state] = [oidc.randomNonce(), oidc.randomState()];
  const code_challenge = await oidc.calculatePKCECodeChallenge(code_verifier);
  const parameters = { redirect_uri, scope, code_challenge, code_challenge_method: "S256", nonce, state, aud: asked.issuer };
  const back = await visit(oidc.buildAuthorizationUrl(config, parameters));
  const checks = { pkceCodeVerifier: code_verifier, expectedNonce: nonce, expectedState: state, idTokenExpected: true };
  return oidc.authorizationCodeGrant(config, back, checks);
}

async function app() {
  const config = await oidc.discovery(issuer, asked.client, { client_secret: asked.secret }, oidc.ClientSecretBasic(asked.secret), insecure);
  oidc.enableNonRepudiationChecks(config);
  const tokens = await authorized(config, asked.scope, asked.redirect);
  const claims = tokens.claims();
  const user = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub);
  const known = await oidc.tokenIntrospection(config, tokens.access_token);
  const again = await oidc.refreshTokenGrant(config, tokens.refresh_token);
  await oidc.tokenRevocation(config, again.refresh_token);
  const after = await oidc.tokenIntrospection(config, again.access_token);
  const state = oidc.randomState();
  const left = await visit(oidc.buildEndSessionUrl(config, { id_token_hint: tokens.id_token, post_logout_redirect_uri: asked.bye, state }));
  const bye = left.href === `${asked.bye}?state=${state}`;
  say({ claims, user, known, patient: tokens.patient, again: again.scope, after, bye });
}

async function registers() {
  const metadata = { client_name: "Diary", redirect_uris: [asked.redirect], scope: asked.scope, token_endpoint_auth_method: "none",
    grant_types: ["authorization_code", "refresh_token"] };
  const config = await oidc.dynamicClientRegistration(issuer, metadata, oidc.None(), insecure);
  const tokens = await authorized(config, asked.scope, asked.redirect);
  say({ client: config.clientMetadata().client_id, patient: tokens.patient });
}

async function service() {
  const algorithms = {
    RS384: { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-384" },
    ES384: { name: "ECDSA", namedCurve: "P-384" },
  };
  const pair = await crypto.subtle.generateKey(algorithms[asked.algorithm], true, ["sign", "verify"]);
  const key = { ...(await crypto.subtle.exportKey("jwk", pair.publicKey)), kid: "of-the-test", alg: asked.algorithm, use: "sig" };
  const keys = createServer((_request, response) => {
    response.writeHead(200, { "Content-Type": "application/json", "Cache-Control": "max-age=60" });
    response.end(JSON.stringify({ keys: [key] }));
  });
  await new Promise((done) => keys.listen(asked.port, "127.0.0.1", done));
  const proof = oidc.PrivateKeyJwt({ key: pair.privateKey, kid: "of-the-test" }, {
    [oidc.modifyAssertion]: (_header, payload) => { payload.exp = payload.iat + 240; },
  });
  const config = await oidc.discovery(issuer, asked.client, undefined, proof, insecure);
  const tokens = await oidc.clientCredentialsGrant(config, { scope: asked.scope });
  const answer = await oidc.fetchProtectedResource(config, tokens.access_token, new URL(`${asked.issuer}/Patient?_count=1`), "GET");
  say({ scope: tokens.scope, expires: tokens.expires_in, status: answer.status });
  keys.close();
}

await { app, registers, service }[asked.what]();
process.exit(0);
