import { expect, test } from "./support/test.ts"

const wrongdoings = {
  "markup made of text": () => (document.body.innerHTML = "<p>made</p>"),
  "an inline style": () => document.body.setAttribute("style", "color:red"),
  "an image of another host": () =>
    document.body.append(Object.assign(new Image(), { src: "http://127.0.0.2:9/x.png" })),
  "a request to another host": () => void fetch("http://127.0.0.2:9/x").catch(() => undefined),
  "an error that nobody catches": () => void setTimeout(() => document.querySelector("nowhere")!.remove()),
  "an error in the console": () => console.error("something is wrong")
} as const

for (const [what, wrong] of Object.entries<() => unknown>(wrongdoings)) {
  test(`${what} is noticed on every page`, async ({ looper, open, wrongs }) => {
    const page = await open(looper.url)
    expect(wrongs).toEqual([])
    await page.evaluate(wrong).catch(() => undefined)
    await expect.poll(() => wrongs.length).toBeGreaterThan(0)
    wrongs.length = 0
    await page.close()
    wrongs.length = 0
  })
}
