// One room over the socket, with npm's phoenix: who is there, and what they say. What happens is told to `on`.

import { Presence, Socket } from "phoenix"

const SIGNALS = { webrtc_offer: "offer", webrtc_answer: "answer", webrtc_ice_candidate: "candidate" }

export class Room {
  constructor(session, appointment, on) {
    this.session = session
    this.on = on
    this.left = false
    this.socket = new Socket("/socket", { authToken: session.token })
    this.socket.onMessage(message => this.#ofSocket(message))
    this.socket.onClose(event => this.#lost(event))
    this.socket.connect()
    this.channel = this.socket.channel(`consultation:${appointment}`)
    this.presence = new Presence(this.channel)
    this.presence.onSync(() => on.present(this.other()))
    for (const [event, what] of Object.entries(SIGNALS)) {
      this.channel.on(event, payload => on.signal(what === "candidate" ? { candidate: payload[what] } : payload[what]))
    }
    const told = ["user_waiting", "user_left", "admitted", "chat_message", "chat_kept", "media_state", "call_ended"]
    for (const event of told) {
      this.channel.on(event, payload => on[event]?.(payload))
    }
    this.channel.onClose(() => this.left || on.closed())
    // Phoenix joins again by itself after a break: this answer then comes again, too.
    this.channel.join().receive("ok", joined => on.joined(joined)).receive("error", () => {
      this.leave()
      on.refused()
    })
  }

  // The other side: its id, role, and what it sends, or undefined.
  other() {
    const found = this.presence.list((id, { metas: [meta] }) => ({ id, ...meta }))
    return found.find(each => each.id !== this.session.user.id)
  }

  // simple-peer says a candidate, an answer, an offer, or that it wants to be offered something.
  signal(data) {
    if (data.candidate) this.channel.push("webrtc_ice_candidate", { candidate: data.candidate })
    else if (data.type === "answer") this.channel.push("webrtc_answer", { answer: data })
    else this.channel.push("webrtc_offer", { offer: data })
  }

  admit = user_id => this.channel.push("admit", { user_id })
  say = message => this.channel.push("chat_message", { message })
  media = state => this.channel.push("media_toggle", state)
  end = () => this.channel.push("end_call", {})

  leave() {
    if (this.left) return
    this.left = true
    this.channel.leave()
    this.socket.disconnect()
  }

  async #ofSocket({ topic, event }) {
    if (topic !== "phoenix" || event !== "token_expiring") return
    const token = await this.session.refresh()
    this.socket.authToken = token
    this.socket.push({ topic, event: "access_token", payload: { token }, ref: this.socket.makeRef() })
  }

  async #lost({ code }) {
    if (this.left) return
    this.on.lost()
    if (code !== 4401) return
    try {
      this.socket.authToken = await this.session.refresh()
    } catch {
      this.leave()
      this.on.ended()
    }
  }
}
