// What npm's `socket.io-client` does against the server, with a phoenix client in the same room. Asked: root, doctor,
// patient, other (tokens), ticket, appointment, foreign (an origin). It prints what it has seen as JSON.

import { Socket } from "phoenix"
import { io } from "socket.io-client"
import WebSocket from "ws"

const asked = JSON.parse(process.argv[2])
const topic = `consultation:${asked.appointment}`
const seen = {}
setTimeout(() => { console.error(`nothing more came after ${JSON.stringify(seen)}`); process.exit(1) }, 40_000)

const open = (token, more = {}) => io(asked.root, { query: { token }, forceNew: true, ...more })
const next = (socket, event) => new Promise(resolve => socket.once(event, resolve))
const ask = (socket, event, payload) => socket.timeout(5000).emitWithAck(event, payload)
const refused = async socket => {
  const error = await next(socket, "connect_error")
  socket.disconnect()
  return error.description?.status ?? error.context?.status ?? error.description
}

// Who has no token that counts, or comes from somewhere else.
seen.refused = await refused(open("nothing"))
seen.refusedByWebSocket = String((await new Promise(resolve => {
  const socket = open("nothing", { transports: ["websocket"], reconnection: false })
  socket.once("connect_error", error => resolve(error.description?.message ?? error.message))
})))
seen.foreign = await refused(open(asked.doctor, { extraHeaders: { Origin: asked.foreign }, transports: ["polling"] }))

// The doctor by phoenix, the patient by socket.io: first by polling, then upgraded to a WebSocket.
const phoenix = new Socket(asked.root.replace(/^http/, "ws") + "/socket", { transport: WebSocket, authToken: asked.doctor })
phoenix.connect()
const doctor = phoenix.channel(topic)
const heard = []
for (const event of ["webrtc_offer", "webrtc_answer", "webrtc_ice_candidate", "chat_message", "media_state", "user_joined", "call_ended"]) {
  doctor.on(event, payload => heard.push([event, payload]))
}
await new Promise(resolve => doctor.join().receive("ok", resolve))

const patient = open(asked.patient)
await next(patient, "connect")
const upgraded = new Promise(resolve => patient.io.engine.transport.name === "websocket" ? resolve() : patient.io.engine.once("upgrade", resolve))
const reply = next(patient, "phx_reply")
patient.emit("phx_join", { topic, payload: {} })
seen.joined = await reply
const early = next(patient, "phx_reply")
patient.emit("chat_message", { message: "early" })
seen.early = await early
const admitted = next(patient, "admitted"), state = next(patient, "presence_state")
const waiting = new Promise(resolve => doctor.push("admit", { user_id: seen.joined.response.user_id }).receive("ok", resolve))
await waiting
seen.admitted = await admitted
seen.present = Object.keys(await state).sort()
await upgraded
seen.transport = patient.io.engine.transport.name
seen.extensions = patient.io.engine.transport.ws.extensions

// Signals without `to`, both ways, and everything else.
const until = async count => { while (heard.length < count) await new Promise(resolve => setTimeout(resolve, 10)) }
await until(1)
patient.emit("webrtc_offer", { offer: { type: "offer", sdp: "v=0" } })
patient.emit("webrtc_answer", { answer: { type: "answer", sdp: "v=0" } })
patient.emit("webrtc_ice_candidate", { candidate: { candidate: "a" } })
patient.emit("chat_message", { message: "Bonjour" })
patient.emit("media_toggle", { audio: false, video: true })
await until(6)
seen.heard = heard.slice(1)
seen.ack = await ask(patient, "chat_message", { message: " " })
seen.nonsense = await ask(patient, "dance", 7)
const offer = next(patient, "webrtc_offer"), media = next(patient, "media_state"), chat = next(patient, "chat_message")
doctor.push("webrtc_offer", { offer: "x" })
doctor.push("media_toggle", { audio: true, video: false })
doctor.push("chat_message", { message: "Bonsoir" })
seen.offer = await offer
seen.media = await media
seen.chat = await chat

// Order: a hundred messages in a row.
const numbers = []
doctor.on("webrtc_ice_candidate", ({ candidate }) => numbers.push(candidate))
for (let number = 0; number < 100; number++) patient.emit("webrtc_ice_candidate", { candidate: number })
while (numbers.length < 100) await new Promise(resolve => setTimeout(resolve, 10))
seen.ordered = numbers.every((each, index) => each === index)

// A new token, and somebody else's.
seen.renewed = await ask(patient, "access_token", { token: asked.again })
seen.notRenewed = await ask(patient, "access_token", { token: asked.doctor })
seen.beat = await ask(patient, "heartbeat", {})

// The transport breaks: the client comes back by itself, and joins again without the waiting room.
const back = next(patient, "connect")
patient.io.engine.close()
patient.io.once("reconnect_attempt", () => null)
patient.connect()
await back
seen.again = await ask(patient, "phx_join", { topic, payload: {} })

// A ticket opens one connection, whose later requests need it no more.
const ticketed = open(asked.ticket, { transports: ["polling"] })
await next(ticketed, "connect")
seen.ticket = (await ask(ticketed, "heartbeat", {})).status
seen.ticketAgain = await refused(open(asked.ticket, { transports: ["polling"] }))
ticketed.disconnect()

// Bytes are no messages, and an event of a name of the protocol opens nothing.
const odd = open(asked.other)
await next(odd, "connect")
const put = next(odd, "disconnect")
odd.emit("chat_message", new Uint8Array([1, 2]))
seen.bytes = await put
odd.disconnect()

const ended = next(patient, "call_ended")
patient.emit("end_call")
seen.ended = await ended
seen.left = await ask(patient, "phx_leave", { topic })

// Who sends too much is told, and put out.
const flood = open(asked.other, { transports: ["websocket"] })
await next(flood, "connect")
const closing = next(flood, "closing"), out = next(flood, "disconnect")
let limited = 0
flood.on("phx_reply", ({ response }) => { limited += response.reason === "rate limited" ? 1 : 0 })
for (let number = 0; number < 400; number++) flood.emit("heartbeat", {})
seen.flood = [(await closing).code, await out, limited > 10]

// Whoever signs out is put out within two seconds.
const gone = open(asked.again)
await next(gone, "connect")
const last = next(gone, "closing"), bye = next(gone, "disconnect"), began = Date.now()
await fetch(`${asked.root}/api/v1/auth/logout`, { method: "POST", headers: { Authorization: `Bearer ${asked.again}` } })
seen.signedOut = [(await last).code, await bye, Date.now() - began < 2000]

for (const each of [patient, gone, flood]) each.disconnect()
phoenix.disconnect()
console.log(JSON.stringify(seen))
process.exit(0)
