// Prints the TypeScript of an OpenAPI document: node types.mjs '{"document": "openapi.json"}'
import { readFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";

const { document } = JSON.parse(process.argv[2]);
const types = await openapiTS(JSON.parse(readFileSync(document, "utf8")), { alphabetize: true });
console.log(JSON.stringify({ types: astToString(types) }));
