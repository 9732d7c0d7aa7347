import Foundation
import TestSupport
import Testing

/// The gateway's own pages, where clients ask for many and read none.
@Suite struct HTTP2PageTests {
    /// As large as a page may be, and larger than a window also when it is compressed.
    private static let page: [UInt8] = {
        var state: UInt64 = 1
        return (0..<256 * 1024).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            // Letters and signs without a meaning in a configuration.
            return 0x41 + UInt8(truncatingIfNeeded: (state >> 33) % 26) + (state >> 60 & 1 == 0 ? 0 : 0x20)
        }
    }()

    @Test(arguments: ["error_page", "return", "maintenance"])
    func `clients whose windows stay shut hold no pages`(directive: String) throws {
        let files = try TemporaryDirectory()
        let text = String(decoding: Self.page, as: UTF8.self)
        let content = directive == "return" ? String(text.prefix(200_000)) : text
        let file = try files.write(content, to: "page.html")
        let server =
            switch directive {
            case "error_page": "error_page 404 \(file); location = /page { return 404; }"
            case "maintenance": "location = /page { maintenance on { page \(file); } return 200; }"
            default: "location = /page { return 404 \"\(content)\"; }"
            }
        let edge = try Edge(QuickOrigin("a").origin, server: "gzip on; gzip_types text/html text/plain; send_timeout 300s; \(server)")
        let before = try edge.figures.residentBytes()
        var clients: [HTTP2Client] = []
        for coding in ["gzip", "", "", "", "", "", "", ""] {
            let request = HTTP2Fields.request("GET", "/page", ["accept": "text/html", "accept-encoding": coding])
            let client = try edge.http2 { $0.settings = [(HTTP2Setting.initialWindowSize, 0)] }
            let streams = try (0..<100).map { _ in try client.request(request) }
            // A page is there in gzip's form, too; a text is only compressed where it then fits into a window.
            let isCompressed = coding == "gzip" && directive != "return"
            for stream in streams {
                let head = try client.head(on: stream)
                #expect(head["content-encoding"] == (isCompressed ? "gzip" : nil))
                #expect((head["content-length"] == "\(content.utf8.count)") == !isCompressed)
            }
            clients.append(client)
        }
        // Each with a page of its own they would hold 160 MB or more.
        #expect(try edge.figures.residentBytes() < before + 50 << 20)
        for client in clients.prefix(2) {
            try client.send(.windowUpdate(0, 1 << 22), .windowUpdate(5, 1 << 20))
            try client.send(.windowUpdate(1, 70_000))
            let whole = try client.response(on: 5)
            #expect(whole["content-length"] == "\(whole.body.count)")
            if whole["content-encoding"] == nil { #expect(whole.text == content) }
            try client.content(70_000, on: 1)
            try client.send(.windowUpdate(1, 1 << 20))
            #expect(try client.response(on: 1).body == whole.body)
        }
    }
}
