/// `cors`.
extension SnapshotBuilder {
    func cors(_ block: Scope) -> CORSConfig? {
        let origins = corsMember("origins", block)?.texts() ?? []
        if origins.isEmpty { return nil }
        return CORSConfig(
            origins: origins, methods: corsMember("methods", block)?.texts() ?? ["GET", "HEAD", "POST"],
            headers: corsMember("headers", block)?.texts() ?? [], expose: corsMember("expose", block)?.texts() ?? [],
            allowsCredentials: corsMember("credentials", block)?.toggle() ?? false,
            maxAgeS: corsMember("max_age", block)?.number().map { $0 / 1000 })
    }

    /// This level's, else the outer one's, unless `cors off` stands between.
    private func corsMember(_ name: String, _ block: Scope) -> Arguments? {
        let own = block.first("cors")
        if let entry = own?.block?.first(name) { return entry.isSound ? entry.arguments : nil }
        if own?.arguments.has("off") == true { return nil }
        return block.outer.flatMap { corsMember(name, $0) }
    }

    // MARK: What can't be meant

    func checkCORS(_ block: Scope) {
        guard let entry = block.first("cors"), entry.isSound, let members = entry.block else { return }
        if let off = entry.arguments.word("off") {
            if !members.isEmpty {
                diagnostics.error("\"off\" takes no block", at: off.position, expected: "expected cors off; or cors { ... }")
            }
            return
        }
        guard members.isSound, members.first("origins")?.isSound != false else { return }
        guard let cors = cors(block) else {
            diagnostics.error(
                "\"cors\" is missing \"origins\"", at: entry.name.position, expected: "expected origins https://app.example.com; in it")
            return
        }
        checkOrigins(cors, members)
        if let word = members.first("expose")?.arguments.word(), cors.allowsCredentials, cors.expose.contains("*") {
            diagnostics.error(
                "with credentials \"*\" exposes nothing but a field of that name", at: word.position,
                expected: "expected each field by its name")
        }
    }

    /// Of what this block says itself: what it has from outside is reported there.
    private func checkOrigins(_ cors: CORSConfig, _ members: Scope) {
        let origins = members.first("origins")?.arguments
        if cors.origins.contains("*"), cors.allowsCredentials, let word = origins?.word() ?? members.first("credentials")?.arguments.word()
        {
            diagnostics.error(
                "any origin with credentials would give every page what its visitors may see", at: word.position,
                expected: "expected origins by their names, or credentials off")
        }
        if cors.origins.contains("*"), cors.origins.count > 1, let word = origins?.word() {
            diagnostics.error("\"*\" stands alone", at: word.position, expected: "expected origins *; or origins by their names")
        }
        for item in origins?.items ?? [] {
            guard case .text(let origin) = item.value, let host = origin.firstRange(of: "://*.").map({ origin[$0.upperBound...] }) else {
                continue
            }
            let name = host.prefix { $0 != ":" }
            if name.contains(".") || name == "localhost" { continue }
            diagnostics.warning(
                "all of \".\(name)\" may be anybody's", at: item.word.position,
                expected: "expected a domain of yours: https://*.example.com")
        }
    }
}
