// Where the browser begins.
import '@mantine/core/styles.css'
import '@mantine/notifications/styles.css'
import './app/theme.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app/app.tsx'

const root = document.getElementById('root')
if (!root) throw new Error('index.html has no element with the id root')
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
)

// After an upgrade of the server a page that was open asks for parts that are gone: it is loaded anew, once, if the server answers.
window.addEventListener('vite:preloadError', () => {
  const last = Number(sessionStorage.getItem('reloadedAt') ?? 0)
  if (Date.now() - last < 30_000) return
  sessionStorage.setItem('reloadedAt', String(Date.now()))
  fetch('/api/health').then(
    answer => answer.ok && location.reload(),
    () => undefined,
  )
})
