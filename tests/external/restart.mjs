// npm's `phoenix` over the restart of its server. Asked: root, token, userId, appointment. It says "ready" in a line of
// its own once it has joined, and, when it has come back and has the second notification, what it has seen, as JSON.

import {Socket} from "phoenix"
import WebSocket from "ws"

const asked = JSON.parse(process.argv[2])
const seen = {notifications: [], unread: [], joins: 0, rooms: 0, presence: []}
setTimeout(() => { console.error(`nothing more came after ${JSON.stringify(seen)}`); process.exit(1) }, 60_000)

const again = {transport: WebSocket, reconnectAfterMs: () => 200, rejoinAfterMs: () => 200}
const socket = new Socket(asked.root.replace(/^http/, "ws") + "/socket", {authToken: asked.token, ...again})
socket.connect()

// The parameters of a join are asked for anew at each: what came last is named, and what was missed comes.
const bell = socket.channel(`notifications:${asked.userId}`, () => {
  const last = seen.notifications.at(-1)
  return last ? {last_seen: last} : {}
})
bell.on("notification", ({id}) => note(id))
bell.join().receive("ok", ({unread, missed}) => {
  seen.unread.push(unread)
  for (const {id} of missed) note(id)
  joined("joins")
})
const room = socket.channel(`consultation:${asked.appointment}`)
room.on("presence_state", state => seen.presence.push(Object.keys(state)))
room.join().receive("ok", () => joined("rooms"))

function joined(what) {
  seen[what] += 1
  if (what === "rooms" && seen.rooms === 1) console.log("room")
  if (what === "joins" && seen.joins === 1) console.log("ready")
  finish()
}

function note(id) {
  seen.notifications.push(id)
  console.log("notified")
  finish()
}

function finish() {
  if (seen.joins === 2 && seen.rooms === 2 && seen.notifications.length === 2) setTimeout(() => {
    console.log(JSON.stringify(seen))
    process.exit(0)
  }, 300)
}
