import GatewayConfig
import GatewayCore
import GatewayHTTP

extension ConfigSnapshot {
    /// Has the pages of the operator's as gzip has them, too: when the configuration is taken up, so that no request waits for that.
    func withCompressedPages() -> ConfigSnapshot {
        var snapshot = self
        var compressor = PageCompressor()
        defer { compressor.end() }
        for server in snapshot.servers.indices {
            compressor.fill(&snapshot.servers[server].fallback)
            for location in snapshot.servers[server].locations.indices {
                compressor.fill(&snapshot.servers[server].locations[location])
            }
        }
        return snapshot
    }
}

/// Compresses each page once at each level that some location has.
private struct PageCompressor {
    /// Arrays that share their memory, as those of one file do, are equal without a look at the bytes.
    private struct Key: Hashable {
        let bytes: [UInt8]
        let level: Int

        func hash(into hasher: inout Hasher) {
            hasher.combine(bytes.count)
            hasher.combine(level)
        }
    }

    private let pool = BufferPool()
    private var done: [Key: [UInt8]] = [:]

    /// A pool is never freed: the next one who needs one gets this.
    func end() {
        pool.retire()
    }

    mutating func fill(_ location: inout LocationConfig) {
        guard let gzip = location.gzip else { return }
        for index in location.edge.errorPages.indices {
            guard case .page(var page) = location.edge.errorPages[index].content else { continue }
            page.gzipped = compressed(page.bytes, gzip)
            location.edge.errorPages[index].content = .page(page)
        }
        if var page = location.edge.maintenance?.page {
            page.gzipped = compressed(page.bytes, gzip)
            location.edge.maintenance?.page = page
        }
    }

    /// nil for what is too short, or without memory for it.
    private mutating func compressed(_ bytes: [UInt8], _ gzip: GzipConfig) -> [UInt8]? {
        if bytes.isEmpty || bytes.count < gzip.lengthMinBytes { return nil }
        let key = Key(bytes: bytes, level: gzip.level)
        if let known = done[key] { return known }
        guard var encoder = GzipEncoder(level: gzip.level, window: .init(contentLength: UInt64(bytes.count))) else { return nil }
        var encoded = ByteQueue(pool: pool)
        encoder.encode(bytes.rawSpan, .finish, into: &encoded)
        let result = encoded.bytes.array
        done[key] = result
        return result
    }
}
