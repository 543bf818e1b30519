// A session of the user: signed in with, asked through, and refreshed before its access token ends. Tokens stay in memory.

export class Failure extends Error {
  constructor(status, problem) {
    super(problem?.message ?? "")
    this.status = status
    this.methods = problem?.methods ?? []
  }
}

async function send(method, path, token, body) {
  const headers = { Accept: "application/json" }
  if (token) headers.Authorization = `Bearer ${token}`
  if (body) headers["Content-Type"] = "application/json"
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) })
  const said = await answer.json().catch(() => null)
  if (!answer.ok) throw new Failure(answer.status, said?.error)
  return said
}

// A HumanName as one says it; French directories have DR and PR among what stands before or behind a name.
function nameOf({ text, prefix = [], given = [], family, suffix = [] } = {}) {
  const title = [...prefix, ...suffix].find(each => /^(dr|pr)\.?$/i.test(each))
  const parts = [title && title[0].toUpperCase() + title.slice(1).toLowerCase(), ...given, family]
  return text ?? (parts.filter(Boolean).join(" ") || "…")
}

export async function signIn(email, password, code) {
  const { data } = await send("POST", "/api/v1/auth/login", null, { email, password, code: code || null })
  return new Session(data)
}

class Session {
  constructor({ user, tokens }) {
    this.user = user
    this.token = tokens.access_token
    this.refreshToken = tokens.refresh_token
  }

  // Whoever needs another token meanwhile waits for the same one: a refresh token that is used twice ends the session.
  refresh() {
    this.refreshing ??= this.#refreshed().finally(() => { this.refreshing = null })
    return this.refreshing
  }

  async #refreshed() {
    const { data } = await send("POST", "/api/v1/auth/refresh", null, { refresh_token: this.refreshToken })
    this.token = data.access_token
    this.refreshToken = data.refresh_token ?? this.refreshToken
    return this.token
  }

  async ask(path, method = "GET") {
    try {
      return await send(method, path, this.token)
    } catch (failure) {
      if (failure.status !== 401) throw failure
      return send(method, path, await this.refresh())
    }
  }

  // Appointments of today and those whose rooms may still be open, with the name of the other side.
  async appointments() {
    const hours = number => new Date(Date.now() + number * 3_600_000).toISOString()
    const asked = new URLSearchParams({ from: hours(-12), to: hours(12), status: "confirmed", sort: "starts_at" })
    const { data } = await this.ask(`/api/v1/appointments?${asked}`)
    return Promise.all(data.map(async each => ({ ...each, with: await this.nameOfOther(each) })))
  }

  async nameOfOther({ patient_id, doctor_id }) {
    const path = this.user.role === "patient" ? `Practitioner/${doctor_id}` : `Patient/${patient_id}`
    return nameOf((await this.ask(`/fhir/${path}`)).name?.[0])
  }

  async iceServers(appointment) {
    return (await this.ask(`/api/v1/appointments/${appointment}/ice`)).data.ice_servers
  }

  signOut() {
    return this.ask("/api/v1/auth/logout", "POST")
  }
}
