// Builds the web UI into web/dist; `vite web` serves it while it is being written, with /api from a running server.
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2023',
    // The indicator catalogue and the engine's arithmetic are part of the builder: it computes ladders without asking the server.
    chunkSizeWarningLimit: 700,
  },
  server: {
    host: '127.0.0.1',
    proxy: { '/api': { target: process.env['EVENKEEL_API'] ?? 'http://127.0.0.1:4510', changeOrigin: false } },
  },
})
