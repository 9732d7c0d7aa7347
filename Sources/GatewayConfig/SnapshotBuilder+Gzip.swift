extension SnapshotBuilder {
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
