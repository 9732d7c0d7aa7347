import Foundation
import TestSupport
import Testing

/// A real browser on pages of other origins, and on pages through the gateway. `make test-browser` installs it.
@Suite(.enabled(if: Browser.isInstalled, "`make test-browser` installs chromium"), .serialized) struct BrowserTests {
    private static let key = sha256("a page's key")
    private static let files = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()

    // MARK: The server of the pages

    /// Serves Tests/browser, and takes the pages' reports.
    private final class Pages: Sendable {
        let origin: ScriptedOrigin
        let values: Monitor<[String: String]>
        private let report: Monitor<String?>

        /// Over TLS with a certificate, in clear without.
        init(_ certificate: TestCertificates.Leaf? = nil) throws {
            let (values, report) = (Monitor([String: String]()), Monitor(String?.none))
            (self.values, self.report) = (values, report)
            if let certificate {
                origin = try .overTLS(TLSServerSide(certificate)) { connection, _ in try Pages.serve(connection, values, report) }
            } else {
                origin = try ScriptedOrigin { connection, _ in try Pages.serve(connection, values, report) }
            }
        }

        private static func serve(_ connection: some ByteStream, _ values: Monitor<[String: String]>, _ report: Monitor<String?>) throws {
            while let request = try connection.readNextRequest() {
                if request.target == "/report" { report.update { $0 = request.text } }
                let path = request.target.prefix { $0 != "?" }
                try connection.send(answer(["/strict", "/free"].contains(path) ? "/policy.html" : String(path), values.value))
            }
        }

        private static func answer(_ path: String, _ values: [String: String]) -> String {
            let file = BrowserTests.files.appendingPathComponent("browser" + path)
            guard let text = try? String(contentsOf: file, encoding: .utf8) else { return ScriptedOrigin.message("") }
            let filled = values.reduce(text) { $0.replacingOccurrences(of: "{\($1.key)}", with: $1.value) }
            let type = ["js": "text/javascript", "css": "text/css"][file.pathExtension] ?? "text/html"
            return ScriptedOrigin.message(filled, fields: "Content-Type: \(type); charset=utf-8\r\n")
        }

        /// Opens `url`, and expects `count` cases or more to be good.
        func expectGood(_ url: String, isDark: Bool = false, _ count: Int, _ place: SourceLocation = #_sourceLocation) throws {
            report.update { $0 = nil }
            let browser = try Browser(url, isDark: isDark)
            guard let text = report.wait(until: Deadline(seconds: 120), for: { $0 }) else {
                throw TestError.timedOut("a report of \(url):\n\(browser.messages)")
            }
            let lines = text.components(separatedBy: "\n")
            for line in lines.dropLast() { #expect(line.hasPrefix("ok "), sourceLocation: place) }
            #expect(lines.last == "\(lines.count - 1) cases" && lines.count > count, sourceLocation: place)
        }
    }

    // MARK: CORS

    /// Pages on app.localhost may ask the gateway, those on evil.localhost may not. The first are of the gateway's site, and come over TLS
    /// as it does: browsers keep cookies from pages of other sites, whatever CORS says.
    private struct API {
        let pages: Pages
        let (origin, broken): (ScriptedOrigin, ScriptedOrigin)
        let certificates: TestCertificates
        let gateway: Gateway

        init() throws {
            certificates = try TestCertificates()
            let certificate = try certificates.leaf(["app.localhost", "*.app.localhost", "evil.localhost"])
            pages = try Pages(certificate)
            origin = try ScriptedOrigin { connection, _ in
                while let request = try connection.readNextRequest() { try connection.send(API.answer(to: request)) }
            }
            broken = try ScriptedOrigin { _, _ in }
            gateway = try Gateway(
                conf: """
                    workers 2;
                    access_log {DIR}/access.log json;
                    admin 127.0.0.1:0 { allow 127.0.0.0/8; }
                    rate_limit few key=ip rate=1r/h burst=1 message="One an hour, please.";
                    api_keys { header X-API-Key; key page sha256=\(sha256(BrowserTests.key)); }
                    server {
                        listen 127.0.0.1:0 ssl; ssl_certificate {CERT}; ssl_certificate_key {KEY};
                        cors {
                            origins     https://app.localhost:{PAGES};
                            methods     GET POST PUT;
                            headers     Content-Type X-API-Key;
                            expose      X-Told Retry-After RateLimit RateLimit-Policy;
                            credentials on;
                        }
                        location / { proxy_pass http://127.0.0.1:{ORIGIN}; }
                        location /keyed/ { authenticate api_key strip; proxy_pass http://127.0.0.1:{ORIGIN}; }
                        location /few/ { limit few; proxy_pass http://127.0.0.1:{ORIGIN}; }
                        location /anonymous/ { cors { credentials off; } proxy_pass http://127.0.0.1:{ORIGIN}; }
                        location /small/ { client_max_body_size 1; proxy_pass http://127.0.0.1:{ORIGIN}; }
                        location /broken/ { proxy_pass http://127.0.0.1:{BROKEN}; }
                        location /away/ { maintenance on; proxy_pass http://127.0.0.1:{ORIGIN}; }
                        location /closed/ { deny all; proxy_pass http://127.0.0.1:{ORIGIN}; }
                    }
                    """, certificate: certificate,
                values: ["ORIGIN": "\(origin.port)", "BROKEN": "\(broken.port)", "PAGES": "\(pages.origin.port)"])
            let values = ["GATEWAY": "https://api.app.localhost:\(gateway.port)", "API_KEY": BrowserTests.key]
            pages.values.update { $0 = values }
        }

        /// What the origin saw, as JSON.
        private static func answer(to request: HTTPRequest) throws -> String {
            let seen = ["method": request.method, "cookie": request["Cookie"] ?? "", "body": request.text]
            let text = String(decoding: try JSONSerialization.data(withJSONObject: seen), as: UTF8.self)
            let cookie = request.target == "/login" ? "Set-Cookie: session=1; Secure; HttpOnly; SameSite=Strict\r\n" : ""
            return ScriptedOrigin.message(text, fields: "X-Told: yes\r\nX-Untold: yes\r\nContent-Type: application/json\r\n\(cookie)")
        }

        /// The URL of a page on another host.
        func page(_ name: String, on host: String) -> String { "https://\(host).localhost:\(pages.origin.port)/\(name).html" }

        func refusedPreflights() throws -> Double { try gateway.metrics().sum("gateway_refusals_total", ["error_type": "cors_refused"]) }
    }

    @Test func `a page that may ask reads answers and errors, and sends keys and cookies`() throws {
        let api = try API()
        try api.pages.expectGood(api.page("allowed", on: "app"), 12)
        try eventually("the count of refused preflights") { try api.refusedPreflights() == 2 }
        let received = (0..<api.origin.connectionCount).map(api.origin.received).joined()
        #expect(received.contains("PUT /keyed/") && !received.contains("DELETE") && !received.contains(Self.key))
        // As many as the page has made, with its preflights.
        let lines = try api.gateway.accessLog(waitingFor: 17)
        #expect(lines.count == 17 && lines.allSatisfy { $0["protocol"] == "HTTP/2.0" })
    }

    @Test func `a page that may not ask reads nothing, and its preflights are refused`() throws {
        let api = try API()
        try api.pages.expectGood(api.page("refused", on: "evil"), 6)
        try eventually("the count of refused preflights") { try api.refusedPreflights() == 2 }
        let lines = try api.gateway.accessLog(waitingFor: 6)
        #expect(lines.allSatisfy { ["GET", "OPTIONS"].contains($0["method"]) })
    }

    // MARK: Pages through the gateway

    /// A site behind the gateway, on app.localhost.
    private struct Site {
        let pages: Pages
        let broken: ScriptedOrigin
        let gateway: Gateway

        init() throws {
            pages = try Pages()
            broken = try ScriptedOrigin { _, _ in }
            gateway = try Gateway(
                conf: """
                    workers 1;
                    access_log {DIR}/access.log json;
                    server {
                        listen 127.0.0.1:0;
                        security_headers { csp "default-src 'self'; frame-ancestors 'self'"; content_type_options nosniff; }
                        location / { proxy_pass http://127.0.0.1:{PAGES}; }
                        location /free { security_headers { csp off; } proxy_pass http://127.0.0.1:{PAGES}; }
                        location /away/ { maintenance on; return 204; }
                        location /broken/ { proxy_pass http://127.0.0.1:{BROKEN}; }
                    }
                    """, values: ["PAGES": "\(pages.origin.port)", "BROKEN": "\(broken.port)"])
        }

        func url(_ path: String) -> String { "http://app.localhost:\(gateway.port)\(path)" }
    }

    @Test func `a policy stops an inline script, and without it the script runs`() throws {
        let site = try Site()
        try site.pages.expectGood(site.url("/strict"), 5)
        try site.pages.expectGood(site.url("/free"), 5)
    }

    @Test(arguments: [false, true]) func `our own pages fit any width, and are readable by day and by night`(isDark: Bool) throws {
        let site = try Site()
        try site.pages.expectGood(site.url("/pages.html"), isDark: isDark, 8)
    }

    /// They are for people to look at.
    @Test(arguments: [false, true]) func `pictures of our own pages are in build's screenshots`(isDark: Bool) throws {
        let site = try Site()
        let folder = Self.files.deletingLastPathComponent().appendingPathComponent(".build/screenshots")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for (name, path) in [("maintenance", "/away/"), ("error", "/broken/")] {
            for (kind, target, width, height) in [("desktop", path, 1280, 800), ("phone", "/phone.html?\(path)", 500, 844)] {
                let file = folder.appendingPathComponent("\(name)-\(kind)-\(isDark ? "dark" : "light").png").path
                try? FileManager.default.removeItem(atPath: file)
                try Browser.takePicture(of: site.url(target), isDark: isDark, width: width, height: height, to: file)
                #expect(try Data(contentsOf: URL(fileURLWithPath: file)).prefix(4).elementsEqual([0x89, 0x50, 0x4e, 0x47]))
            }
        }
    }
}
