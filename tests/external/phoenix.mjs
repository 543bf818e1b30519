// What npm's `phoenix` client does against the server. Asked: root, doctor, patient, stranger (tokens), appointment,
// the ids doctorId and patientId, and patientRoot where the patient has another server. It prints what it has seen as
// JSON.

import {Presence, Socket} from "phoenix"
import WebSocket from "ws"

const asked = JSON.parse(process.argv[2])
const address = root => root.replace(/^http/, "ws") + "/socket"
const topic = `consultation:${asked.appointment}`
const seen = {}
// What does not come is told, with all that came before.
setTimeout(() => { console.error(`nothing more came after ${JSON.stringify(seen)}`); process.exit(1) }, 15_000)

function open(token, how = {authToken: token}, root = asked.root) {
  const socket = new Socket(address(root), {transport: WebSocket, reconnectAfterMs: () => 50, rejoinAfterMs: () => 50, ...how})
  socket.connect()
  return socket
}

const join = channel => new Promise((resolve, reject) => channel.join()
  .receive("ok", resolve).receive("error", resolve).receive("timeout", () => reject(new Error("timeout"))))
const push = (channel, event, payload) => new Promise((resolve, reject) => channel.push(event, payload)
  .receive("ok", () => resolve("ok")).receive("error", resolve).receive("timeout", () => reject(new Error("timeout"))))
const next = (channel, event) => new Promise(resolve => {
  const ref = channel.on(event, payload => { channel.off(event, ref); resolve(payload) })
})
const until = async condition => { while (!condition()) await new Promise(resolve => setTimeout(resolve, 10)) }

const stranger = open(asked.stranger)
seen.refused = await join(stranger.channel(topic))
stranger.disconnect()

const ours = open(asked.doctor), theirs = open(asked.patient, {params: {token: asked.patient}}, asked.patientRoot ?? asked.root)
const doctor = ours.channel(topic), patient = theirs.channel(topic)
const presence = new Presence(doctor)
const users = () => presence.list(user => user).sort()

const waits = next(doctor, "user_waiting")
seen.doctor = await join(doctor)
seen.patient = await join(patient)
seen.waiting = await waits
const admitted = next(patient, "admitted")
seen.admitting = await push(doctor, "admit", {user_id: asked.patientId})
await admitted
await until(() => users().length === 2)
seen.present = users()

const offer = next(patient, "webrtc_offer"), answer = next(doctor, "webrtc_answer")
await push(doctor, "webrtc_offer", {offer: {type: "offer", sdp: "v=0"}, to: asked.patientId})
seen.offer = await offer
await push(patient, "webrtc_answer", {answer: {type: "answer", sdp: "v=0"}})
seen.answer = await answer
const chat = next(doctor, "chat_message")
await push(patient, "chat_message", {message: "Bonjour"})
seen.chat = await chat

// The patient's connection breaks; the client comes back and joins by itself.
const left = next(doctor, "user_left"), back = next(doctor, "user_joined")
theirs.conn.terminate()
seen.left = await left
seen.back = await back
await until(() => users().length === 2)
seen.again = users()
const news = next(patient, "media_state")
await push(doctor, "media_toggle", {audio: false, video: true})
seen.media = await news

const bell = ours.channel(`notifications:${asked.doctorId}`)
seen.bell = await join(bell)

const ended = next(patient, "call_ended")
await push(doctor, "end_call", {})
seen.ended = await ended
seen.leaving = await new Promise(resolve => patient.leave().receive("ok", () => resolve("ok")))
await until(() => users().length === 1)
seen.alone = users()

// Clients of the old version wrote objects.
const objects = {encode: (message, done) => done(JSON.stringify(message)), decode: (text, done) => done(JSON.parse(text))}
const old = open(asked.doctor, {vsn: "1.0.0", params: {token: asked.doctor}, ...objects})
seen.version1 = await new Promise(resolve => old.onOpen(() => old.ping(() => resolve("ok"))))
for (const socket of [ours, theirs, old]) socket.disconnect()
console.log(JSON.stringify(seen))
process.exit(0)
