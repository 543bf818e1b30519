// How long npm's `phoenix` and `socket.io-client` stay with tokens that count for seconds. Asked: root, doctor, patient
// (each with email, password, id), appointment, and `renewals` of the patient. It prints what it has seen as JSON.

import {Socket} from "phoenix"
import {io} from "socket.io-client"
import WebSocket from "ws"

const asked = JSON.parse(process.argv[2])
const topic = `consultation:${asked.appointment}`
const seen = {warned: [], renewed: [], left: 0}
setTimeout(() => { console.error(`nothing more came after ${JSON.stringify(seen)}`); process.exit(1) }, 120_000)

const pause = ms => new Promise(resolve => setTimeout(resolve, ms))
const post = async (path, body) => {
  const answer = await fetch(`${asked.root}/api/v1/auth/${path}`, {
    method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)})
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`)
  return (await answer.json()).data
}
const login = async ({email, password}) => (await post("login", {email, password})).tokens
// Ends are whole seconds: a token of the same second would end at the same time.
const refresh = async tokens => await pause(1500) ?? (await post("refresh", {refresh_token: tokens.refresh_token})).access_token
const ends = token => JSON.parse(Buffer.from(token.split(".")[1], "base64url")).exp

function open(token) {
  const socket = new Socket(asked.root.replace(/^http/, "ws") + "/socket", {transport: WebSocket, authToken: token})
  socket.connect()
  return socket
}
const join = channel => new Promise((resolve, reject) => channel.join()
  .receive("ok", resolve).receive("error", reject).receive("timeout", () => reject(new Error("timeout"))))
const push = (channel, event, payload) => new Promise(resolve => channel.push(event, payload)
  .receive("ok", () => resolve("ok")).receive("error", resolve).receive("timeout", () => resolve("timeout")))

// Answer each notice with a new token, as often as asked; a message of the socket itself has the topic `phoenix`.
function staying(socket, tokens, renewals, told = () => {}) {
  const refs = new Set()
  socket.onMessage(async ({topic, event, payload, ref}) => {
    if (topic !== "phoenix") return
    if (event === "phx_reply" && refs.delete(ref)) told("renewed", payload)
    if (event !== "token_expiring") return
    told("warned", payload)
    if (renewals-- <= 0) return
    const token = await refresh(tokens)
    told("ends", ends(token))
    const mine = socket.makeRef()
    refs.add(mine)
    socket.push({topic: "phoenix", event: "access_token", payload: {token}, ref: mine})
  })
}

const ours = await login(asked.doctor)
const doctors = open(ours.access_token), doctor = doctors.channel(topic)
staying(doctors, ours, Infinity)
await join(doctor)
doctor.on("user_left", () => seen.left++)
const heard = []
doctor.on("chat_message", payload => heard.push(payload.message))

const theirs = await login(asked.patient)
seen.ends = [ends(theirs.access_token)]
const socket = open(theirs.access_token), patient = socket.channel(topic)
staying(socket, theirs, asked.renewals, (what, payload) => {
  if (what === "warned") seen.warned.push(payload.expires_in)
  else seen[what].push(payload)
})
const closed = new Promise(resolve => socket.onClose(event => {
  socket.disconnect()
  resolve({code: event.code, reason: event.reason, at: Date.now() / 1000})
}))
await join(patient)
seen.early = [...seen.warned]
if (asked.closes) {
  // Still in the room after the token that it came with.
  await pause(1000 * (seen.ends[0] + 0.5) - Date.now())
  seen.said = await push(patient, "chat_message", {message: "still here"})
  seen.heard = heard
  seen.leftBefore = seen.left
  seen.closed = await closed
} else {
  while (!seen.renewed.length) await pause(10)
}

if (asked.closes) {
  // The same with the older client: a notice, one new token, and then the end.
  const tokens = await login(asked.patient)
  const older = io(asked.root, {query: {token: tokens.access_token}, forceNew: true})
  const said = {warned: [], ends: [ends(tokens.access_token)]}
  older.on("token_expiring", async ({expires_in}) => {
    said.warned.push(expires_in)
    if (said.renewed) return
    const token = await refresh(tokens)
    said.ends.push(ends(token))
    said.renewed = await older.timeout(5000).emitWithAck("access_token", {token})
  })
  said.closing = await new Promise(resolve => older.on("closing", resolve))
  said.at = Date.now() / 1000
  seen.older = said
  older.disconnect()
}
doctors.disconnect()
socket.disconnect()
console.log(JSON.stringify(seen))
process.exit(0)
