// What is on the page, and what its buttons do.

import { Call, ownMedia } from "./call.js"
import { Room } from "./room.js"
import { signIn } from "./session.js"
import { spoken, switchLanguage, t, translate } from "./words.js"

const $ = id => document.getElementById(id)
const PAGES = ["sign-in", "agenda", "room", "over"]
let session = null
let visit = null // The visit to a room that is under way.

function show(page) {
  for (const each of PAGES) $(each).hidden = each !== page
  document.body.dataset.page = page
  $("sign-out").hidden = !session
  $("who").textContent = session?.user.email ?? ""
  document.title = t("brand")
  $(page).querySelector("h1").focus()
}

function tell(text) {
  $("told").textContent = text
  $("told").hidden = !text
}

function explain(failure) {
  tell(failure.status ? failure.message || t("failed") : t("offline"))
}

// Signing in, and which room to enter.

$("sign-in").querySelector("form").addEventListener("submit", async event => {
  event.preventDefault()
  tell("")
  try {
    session = await signIn($("email").value, $("password").value, $("code").value)
    event.target.reset()
    await agenda()
  } catch (failure) {
    if (failure.methods?.length) {
      $("factor").hidden = false
      $("code").focus()
    }
    explain(failure)
  }
})

$("sign-out").addEventListener("click", async () => {
  visit?.leave()
  await session.signOut().catch(() => null)
  session = null
  show("sign-in")
})

async function agenda() {
  tell("")
  show("agenda")
  try {
    const found = await session.appointments()
    $("none").hidden = found.length > 0
    $("appointments").replaceChildren(...found.map(row))
  } catch (failure) {
    explain(failure)
  }
}

function row(appointment) {
  const time = moment => new Date(moment).toLocaleTimeString(spoken(), { hour: "2-digit", minute: "2-digit" })
  const item = document.createElement("li"), name = document.createElement("strong")
  const when = document.createElement("span"), enter = document.createElement("button")
  item.className = "card"
  name.textContent = appointment.with
  when.textContent = t("until", { from: time(appointment.starts_at), to: time(appointment.ends_at) })
  enter.textContent = t("enter")
  enter.setAttribute("aria-label", t("enter_with", { name: appointment.with }))
  enter.addEventListener("click", () => { visit = new Visit(appointment); visit.enter() })
  item.append(name, when, enter)
  return item
}

// In a room.

class Visit {
  constructor(appointment) {
    this.appointment = appointment
    this.name = appointment.with
    this.stream = null
    this.call = null
    this.waiting = null
    this.state = "preparing"
  }

  async enter() {
    tell("")
    $("messages").replaceChildren()
    $("kept").textContent = ""
    this.draw()
    show("room")
    this.stream = await ownMedia()
    if (!this.stream.getTracks().length) tell(t("no_media"))
    $("local").srcObject = this.stream
    try {
      this.ice = await session.iceServers(this.appointment.id)
    } catch (failure) {
      this.over(failure.status === 403 ? t("refused") : failure.message || t("offline"))
      return
    }
    this.room = new Room(session, this.appointment.id, {
      joined: joined => this.joined(joined),
      refused: () => this.over(t("refused")),
      closed: () => this.over(t("closed")),
      ended: () => this.over(t("ended")),
      lost: () => this.become("lost"),
      present: other => this.present(other),
      admitted: () => this.inside(),
      signal: data => this.signal(data),
      user_waiting: ({ user_id }) => { this.waiting = user_id; this.draw() },
      user_left: ({ user_id }) => this.gone(user_id),
      chat_message: said => this.said(said),
      chat_kept: ({ kept }) => this.keeps(kept),
      media_state: state => this.theirs(state),
      call_ended: ({ user_id }) => this.over(user_id === session.user.id ? t("over_by_you") : t("over_by", { name: this.name })),
    })
  }

  joined({ role, waiting, chat_kept }) {
    this.role = role
    this.drop()
    this.keeps(chat_kept)
    if (waiting) this.become("waits")
    else this.inside()
  }

  inside() {
    this.open(true)
    this.become("alone")
    this.room.media(this.media())
    this.present(this.room.other())
  }

  present(other) {
    if (!other) return
    if (this.waiting === other.id) this.waiting = null
    this.theirs(other)
    if (this.role === "doctor" && !this.call) this.begin(true)
    this.draw()
  }

  signal(data) {
    if (data.type === "offer" && !(this.call?.initiator)) {
      this.drop()
      this.begin(false)
    }
    this.call?.take(data)
  }

  begin(initiator) {
    this.become("connecting")
    const call = new Call(initiator, this.stream, this.ice, {
      signal: data => this.call === call && this.room.signal(data),
      stream: stream => { $("remote").srcObject = stream },
      connected: () => this.become("talks"),
      over: () => this.again(call),
    })
    this.call = call
  }

  // The way to the other browser is lost while both are in the room: the doctor's side calls again.
  again(call) {
    if (this.call !== call) return
    this.drop()
    this.become("lost")
    if (this.role === "doctor") setTimeout(() => this.present(this.room.other()), 1000)
  }

  gone(user_id) {
    if (this.waiting === user_id) this.waiting = null
    else {
      this.drop()
      this.become("alone")
    }
    this.draw()
  }

  drop() {
    this.call?.end()
    this.call = null
    $("remote").srcObject = null
    this.theirs({ audio: true, video: true })
  }

  leave() {
    this.drop()
    this.room?.leave()
    for (const track of this.stream?.getTracks() ?? []) track.stop()
    $("local").srcObject = null
    this.open(false)
    visit = null
  }

  over(why) {
    this.leave()
    $("why").textContent = why
    show("over")
  }

  media() {
    const on = kind => this.stream.getTracks().some(track => track.kind === kind && track.enabled)
    return { audio: on("audio"), video: on("video") }
  }

  toggle(kind) {
    for (const track of this.stream.getTracks()) if (track.kind === kind) track.enabled = !track.enabled
    this.draw()
    this.room.media(this.media())
  }

  theirs({ audio, video }) {
    const off = !audio && !video ? "their_both" : !audio ? "their_audio" : !video ? "their_video" : ""
    $("their-media").hidden = !off
    $("their-media").textContent = off && t(off)
    $("remote").classList.toggle("dark", !video)
  }

  said({ from, message, timestamp }) {
    const item = document.createElement("li"), head = document.createElement("span"), text = document.createElement("p")
    const own = from === session.user.id
    item.className = own ? "own" : ""
    head.textContent = `${own ? t("you") : this.name} · ${new Date(timestamp).toLocaleTimeString(spoken(), { hour: "2-digit", minute: "2-digit" })}`
    text.textContent = message
    item.append(head, text)
    $("messages").append(item)
    item.scrollIntoView({ block: "nearest" })
  }

  keeps(kept) {
    $("kept").textContent = t(kept ? "kept" : "not_kept")
  }

  become(state) {
    this.state = state
    this.draw()
  }

  open(open) {
    $("message").disabled = !open
    $("say").querySelector("button").disabled = !open
  }

  draw() {
    const name = this.name, media = this.stream ? this.media() : { audio: true, video: true }
    $("with").textContent = t("with", { name })
    $("state").textContent = this.waiting ? t("knocks", { name }) : t(this.state, { name })
    $("waiting").classList.toggle("talks", this.state === "talks")
    $("admit").hidden = !this.waiting
    $("admit").textContent = t("admit", { name })
    for (const [id, on, off, is] of [["microphone", "mute", "unmute", media.audio], ["camera", "hide", "show", media.video]]) {
      $(id).setAttribute("aria-pressed", String(!is))
      $(id).setAttribute("aria-label", t(is ? on : off))
      $(id).title = t(is ? on : off)
    }
    $("hang-up").setAttribute("aria-label", t("hang_up"))
    $("hang-up").title = t("hang_up")
  }
}

$("admit").addEventListener("click", () => visit.room.admit(visit.waiting))
$("microphone").addEventListener("click", () => visit.toggle("audio"))
$("camera").addEventListener("click", () => visit.toggle("video"))
$("hang-up").addEventListener("click", () => {
  // Who waits leaves; who is in the room ends the call for both.
  if (!visit.room || visit.state === "waits") { visit.leave(); agenda() } else visit.room.end()
})
$("say").addEventListener("submit", event => {
  event.preventDefault()
  const message = $("message").value.trim()
  if (!message) return
  visit.room.say(message).receive("ok", () => tell("")).receive("error", () => {
    $("message").value ||= message
    tell(t("unsaid"))
  })
  $("message").value = ""
})
$("again").addEventListener("click", agenda)
$("back").addEventListener("click", () => (session ? agenda() : show("sign-in")))
$("language").addEventListener("click", () => {
  switchLanguage()
  visit?.draw()
  if (!$("agenda").hidden) agenda()
})
addEventListener("pagehide", () => visit?.leave())

translate()
show("sign-in")
