// One call between two browsers, with simple-peer. It begins anew whenever one side has come back.

import Peer from "simple-peer/simplepeer.min.js"

const WANTED = { video: { width: { ideal: 640 }, height: { ideal: 360 } }, audio: true }

// What the user lets us have: camera and microphone, the microphone alone, or neither.
export async function ownMedia() {
  for (const wanted of [WANTED, { audio: true }]) {
    try {
      return await navigator.mediaDevices.getUserMedia(wanted)
    } catch {
      continue
    }
  }
  return new MediaStream()
}

export class Call {
  constructor(initiator, stream, iceServers, { signal, stream: shown, connected, over }) {
    this.initiator = initiator
    this.done = false
    this.peer = new Peer({ initiator, stream, config: { iceServers } })
    this.peer.on("signal", signal)
    this.peer.on("stream", shown)
    this.peer.on("connect", connected)
    this.peer.on("error", () => this.done || over())
  }

  take(data) {
    if (!this.peer.destroyed) this.peer.signal(data)
  }

  end() {
    this.done = true
    this.peer.destroy()
  }
}
