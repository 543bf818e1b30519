// A doctor writes a record of a patient and reads it back: node visit.js ADDRESS EMAIL PASSWORD PATIENT_ID

import { Client, type MedicalRecord, Refused } from "./client.js";

const [address = "", email = "", password = "", patient = ""] = process.argv.slice(2);
const client = new Client(address);
await client.signIn(email, password);

const written = await client.send("post", "/api/v1/medical_records", {
  body: {
    medical_record: {
      patient_id: patient,
      consultation_date: "2026-03-02T09:30:00+01:00",
      category: "cardiologie",
      priority: "high",
      soap: { subjective: "Palpitations.", plan: "Holter." },
    },
  },
});
const record: MedicalRecord = written.data;
const page = await client.send("get", "/api/v1/medical_records", { query: { priority: "high", per_page: 5 } });
let refused: Record<string, string[]> = {};
try {
  await client.send("put", "/api/v1/medical_records/{id}", {
    path: { id: record.id },
    body: { medical_record: { soap: { plan: "  " } } },
  });
} catch (error) {
  if (error instanceof Refused) refused = error.fields;
}
console.log(JSON.stringify({ plan: record.soap.plan, total: page.meta.total, refused: Object.keys(refused) }));

// What the server would refuse is refused by the compiler.
export async function wrong(): Promise<void> {
  // @ts-expect-error there is no such priority
  await client.send("get", "/api/v1/medical_records", { query: { priority: "very high" } });
  // @ts-expect-error there is no such path
  await client.send("get", "/api/v1/medical_record", {});
  // @ts-expect-error the id is missing
  await client.send("get", "/api/v1/medical_records/{id}", {});
  // @ts-expect-error a record needs its patient and the date
  await client.send("post", "/api/v1/medical_records", { body: { medical_record: { nom: "Marie Curie" } } });
}
