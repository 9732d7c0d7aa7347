import GatewayCore
import GatewayHTTP
import GatewayTelemetry

/// `/metrics`, in the format and the coding that the scraper asks for.
struct MetricsPage {
    private let registry: MetricsRegistry
    private let pool: BufferPool

    /// zlib's quickest: names and labels repeat so much that others make little more of them.
    private static let gzipLevel = 1

    init(_ registry: MetricsRegistry, _ pool: BufferPool) {
        self.registry = registry
        self.pool = pool
    }

    func page(for fields: borrowing HeaderFields) -> AdminPage {
        let format: ExpositionFormat = fields.prefersOpenMetrics ? .openMetrics : .text
        let content = registry.exposition(format)
        let compressed = fields.takesGzip ? gzip(content) : nil
        return AdminPage(
            status: 200, contentType: format.contentType, body: compressed ?? content, isGzip: compressed != nil,
            vary: "Accept, Accept-Encoding")
    }

    /// nil without memory for it: then the page goes out as it is.
    private func gzip(_ content: [UInt8]) -> [UInt8]? {
        guard var encoder = GzipEncoder(level: Self.gzipLevel, window: .init(contentLength: UInt64(content.count))) else { return nil }
        var compressed = ByteQueue(pool: pool)
        encoder.encode(content.rawSpan, .finish, into: &compressed)
        return compressed.bytes.array
    }
}
