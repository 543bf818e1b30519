// A client of the JSON API whose every path, parameter, body and answer is checked by the compiler.
// Its types (schema.d.ts) are generated from the server's OpenAPI document: see README.md.

import type { components, paths } from "./schema";

export type MedicalRecord = components["schemas"]["MedicalRecord"];
export type Appointment = components["schemas"]["Appointment"];
export type Notification = components["schemas"]["Notification"];

type Method = "get" | "post" | "put" | "delete";
type Paths<M extends Method> = {
  [P in keyof paths]: paths[P][M] extends { responses: unknown } ? P : never;
}[keyof paths];
type Operation<M extends Method, P extends Paths<M>> = paths[P][M];
type Json<T> = T extends { content: { "application/json": infer Body } } ? Body : never;
type Good = 200 | 201 | 204;

export type Body<M extends Method, P extends Paths<M>> =
  Operation<M, P> extends { requestBody?: infer Sent } ? Json<NonNullable<Sent>> : never;
export type Parameters<M extends Method, P extends Paths<M>> =
  Operation<M, P> extends { parameters: infer Asked } ? Asked : never;
export type Answer<M extends Method, P extends Paths<M>> =
  Operation<M, P> extends { responses: infer Told } ? Json<Told[keyof Told & Good]> : never;

type Sent<M extends Method, P extends Paths<M>> = {
  [Name in "path" | "query" as Parameters<M, P> extends { [N in Name]: unknown } ? Name : never]: Parameters<M, P>[Name &
    keyof Parameters<M, P>];
} & {
  query?: "query" extends keyof Parameters<M, P> ? Parameters<M, P>["query"] : never;
  body?: Body<M, P>;
  ifMatch?: string;
};

// What the server refuses: `fields` says by name what is wrong with a body (422).
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly fields: Record<string, string[]>,
  ) {
    super(message);
  }
}

export class Client {
  private token: string | undefined;

  constructor(private readonly address: string) {}

  async signIn(email: string, password: string): Promise<void> {
    const { data } = await this.send("post", "/api/v1/auth/login", { body: { email, password } });
    this.token = data.tokens.access_token;
  }

  async send<M extends Method, P extends Paths<M>>(method: M, path: P, asked: Sent<M, P>): Promise<Answer<M, P>> {
    const parameters = asked as { path?: Record<string, string>; query?: Record<string, unknown> };
    const filled = String(path).replace(/{(\w+)}/g, (_, name: string) =>
      encodeURIComponent(String(parameters.path?.[name])),
    );
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(parameters.query ?? {})) query.set(name, String(value));
    const headers: Record<string, string> = { "content-type": "application/json" };
    if (this.token) headers["authorization"] = `Bearer ${this.token}`;
    if (asked.ifMatch) headers["if-match"] = asked.ifMatch;
    const body = asked.body === undefined ? null : JSON.stringify(asked.body);
    const response = await fetch(`${this.address}${filled}?${query}`, { method: method.toUpperCase(), headers, body });
    if (!response.ok) {
      const { error }: components["schemas"]["Failure"] = await response.json();
      throw new Refused(response.status, error.message, error.fields ?? {});
    }
    return response.status === 204 ? (undefined as Answer<M, P>) : await response.json();
  }
}
