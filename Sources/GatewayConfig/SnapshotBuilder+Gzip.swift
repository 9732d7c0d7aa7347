import GatewayCore

extension SnapshotBuilder {
    func gzipMemoryBytes(_ main: Scope) -> Int {
        let bytes = main.effective("gzip_memory").number() ?? 0
        if let entry = main.first("gzip_memory"), entry.isSound, bytes < Limits.gzipBytesMin {
            diagnostics.error(
                "\(entry.arguments.word()?.shown ?? "it") is too little for the encoders",
                at: entry.arguments.word()?.position ?? entry.name.position,
                expected: "expected at least \(Limits.gzipBytesMin / 1024)k; \"gzip off;\" compresses nothing")
        }
        return bytes
    }

    func gzip(_ block: Scope) -> GzipConfig? {
        guard block.effective("gzip").toggle() == true else { return nil }
        let types = block.effective("gzip_types").texts()
        return GzipConfig(
            level: block.effective("gzip_comp_level").number() ?? 1, lengthMinBytes: block.effective("gzip_min_length").number() ?? 0,
            types: types.contains("text/html") ? types : types + ["text/html"])
    }

    /// Of `block` and all blocks in it.
    func warnOfEventStreams(_ block: Scope) {
        for inner in (block.all("server") + block.all("location")).compactMap(\.block) { warnOfEventStreams(inner) }
        guard let entry = block.first("gzip_types") else { return }
        for item in entry.arguments.items where item.value == .text("text/event-stream") {
            diagnostics.warning(
                "event streams are never compressed", at: item.word.position,
                expected: "leave it out: each event would wait for others, or cost more than it saves")
        }
    }
}
