import GatewayCore

/// The pages that the gateway brings along: small, readable on a phone, light or dark as the reader has it, and without anything from
/// elsewhere. Where a policy forbids the style, the browser's own is as readable.
enum BuiltInPage {
    static func begin(title: StaticString, status: Int, into body: inout ByteQueue) {
        body.append("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>")
        if status != 0 {
            body.append(decimal: status)
            body.append(" ")
        }
        body.append(title)
        body.append("</title>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
        body.append("<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex\">\n<style>\n")
        body.append(style)
        body.append("</style>\n</head>\n<body>\n<main>\n")
        if status != 0 {
            body.append("<p class=\"status\">")
            body.append(decimal: status)
            body.append("</p>\n")
        }
        body.append("<h1>")
        body.append(title)
        body.append("</h1>\n")
    }

    static func end(into body: inout ByteQueue) {
        body.append("</main>\n</body>\n</html>\n")
    }

    private static let style: StaticString = """
        :root { color-scheme: light dark; --ink: #1c2230; --soft: #5b6475; --paper: #f1f3f8; --card: #fff; --line: #e2e6ee; --mark: #3457d5;
          --shade: 0 1px 2px #1c22300d, 0 1rem 3rem #1c223014 }
        @media (prefers-color-scheme: dark) {
          :root { --ink: #e8eaf0; --soft: #9aa3b5; --paper: #11141b; --card: #1a1f2a; --line: #2a3140; --mark: #8fa6ff; --shade: none }
        }
        * { box-sizing: border-box }
        body { margin: 0; min-height: 100vh; display: flex; align-items: center; justify-content: center; padding: 1.5rem;
          background: var(--paper); color: var(--ink); font: 1.0625rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif }
        main { width: 100%; max-width: 34rem; padding: 2.5rem 2.25rem; background: var(--card); border: 1px solid var(--line);
          border-radius: 1.125rem; box-shadow: var(--shade) }
        main::before { content: ""; display: block; width: 2.75rem; height: .3125rem; margin: 0 0 1.5rem; border-radius: 1rem;
          background: var(--mark) }
        h1 { margin: 0 0 .75rem; font-size: 1.75rem; line-height: 1.25; font-weight: 650; letter-spacing: -.015em; text-wrap: balance }
        p { margin: 0; overflow-wrap: anywhere; text-wrap: pretty }
        p::first-letter { text-transform: uppercase }
        .status { margin: 0 0 .25rem; color: var(--mark); font-weight: 600 }
        .small { margin: 1.5rem 0 0; color: var(--soft); font-size: .875rem }
        .small::first-letter { text-transform: none }
        @media (max-width: 30rem) { body { padding: 1rem } main { padding: 2rem 1.5rem } }

        """
}
