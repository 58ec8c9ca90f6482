/** What the app needs to run, by path: the worker keeps these, and nothing else. The server has a route for each. */
export const APP_PATHS: readonly string[] = ['/', '/app.webmanifest', '/icon.svg', '/icon-192.png'];
