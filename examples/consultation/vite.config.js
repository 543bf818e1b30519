import { defineConfig } from "vite"

// `npm run build` writes where `fhir-server demo` looks; `npm run dev` asks the server at 8080.
const server = "http://127.0.0.1:8080"

export default defineConfig({
  base: "./",
  build: {
    outDir: "../../fhir_server/demo/page",
    emptyOutDir: true,
    license: { fileName: "licenses.md" },
    // The Content-Security-Policy of the page has no place for code in data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: { "/api": server, "/fhir": server, "/socket": { target: server.replace("http", "ws"), ws: true } },
  },
})
