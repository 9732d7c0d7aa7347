import GatewayConfig
import GatewayCore

/// What `error_page` and `maintenance` serve, by status.
final class ErrorPages: Sendable {
    struct Page: Sendable {
        let kind: PageConfig.Kind
        let bytes: [UInt8]
        let gzipped: [UInt8]?

        init(_ config: PageConfig) {
            kind = config.kind
            bytes = config.bytes
            gzipped = config.gzipped
        }
    }

    enum Content: Sendable {
        case page(Page)
        /// The value of Location.
        case redirect([UInt8])
    }

    private let contents: [(status: Int, content: Content)]

    /// nil for none.
    init?(_ config: [ErrorPageConfig]) {
        if config.isEmpty { return nil }
        contents = config.map { page in
            switch page.content {
            case .page(let file): (page.status, .page(Page(file)))
            case .redirect(let url): (page.status, .redirect(Array(url.utf8)))
            }
        }
    }

    func content(for status: Int) -> Content? {
        for entry in contents where entry.status == status { return entry.content }
        return nil
    }
}

extension PageConfig.Kind {
    /// Without parameters.
    var mediaType: StaticString {
        switch self {
        case .html: "text/html"
        case .json: "application/json"
        case .text: "text/plain"
        }
    }

    func appendField(to queue: inout ByteQueue) {
        queue.append("Content-Type: ")
        queue.append(mediaType)
        if self == .json { queue.append("\r\n") } else { queue.append("; charset=utf-8\r\n") }
    }
}
