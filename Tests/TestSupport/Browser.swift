import Foundation

/// Debian's chromium, without a window, on pages of this machine alone. It ends with its owner.
public final class Browser {
    public static let isInstalled = Program.isInstalled("chromium")

    private let profile: TemporaryDirectory
    private let program: Program

    /// Opens a page. Hosts are `localhost` and all below it; any certificate is good.
    public convenience init(_ url: String, isDark: Bool = false) throws {
        try self.init([url], isDark: isDark)
    }

    /// Waits for the page to be loaded, and leaves a picture of it in a PNG file.
    public static func takePicture(of url: String, isDark: Bool, width: Int, height: Int, to path: String) throws {
        let browser = try Browser(["--screenshot=\(path)", "--window-size=\(width),\(height)", "--hide-scrollbars", url], isDark: isDark)
        guard try browser.program.waitForExit(timeout: 120) == .exited(0), FileManager.default.fileExists(atPath: path) else {
            throw TestError.invalid("no picture of \(url):\n\(browser.program.stderr.text)")
        }
    }

    /// Opens no page, and waits for who drives it: the port, and the path of its WebSocket (Chrome DevTools Protocol).
    public static func debugged() throws -> (browser: Browser, port: UInt16, path: String) {
        let browser = try Browser(["--remote-debugging-port=0", "about:blank"], isDark: false)
        let line = try browser.program.stderr.waitForLine("the port of DevTools", timeout: 120) { $0.contains("DevTools listening on") }
        guard let match = line.firstMatch(of: /ws:\/\/127\.0\.0\.1:(\d+)(\/\S+)/), let port = UInt16(match.1) else {
            throw TestError.invalid("no port in: \(line)")
        }
        return (browser, port, String(match.2))
    }

    private init(_ arguments: [String], isDark: Bool) throws {
        profile = try TemporaryDirectory()
        program = try Program(
            "/usr/bin/chromium",
            [
                // Its sandbox takes rights that a container doesn't give; the pages are ours.
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--no-default-browser-check",
                "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost", "--ignore-certificate-errors",
                "--user-data-dir=\(profile.path)", "--blink-settings=preferredColorScheme=\(isDark ? 0 : 1)",
            ] + arguments, environment: ["HOME": profile.path])
    }

    deinit {
        program.send(SIGTERM)
        _ = try? program.waitForExit()
    }

    public var messages: String { program.stderr.text }
}
