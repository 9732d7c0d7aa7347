import GatewayCore

extension SnapshotBuilder {
    func apiKeys(_ main: Scope) -> APIKeysConfig? {
        guard let entry = main.first("api_keys"), let block = entry.block else { return nil }
        let headers = block.all("header")
        reportDuplicates(headers.map { ($0.arguments.text("NAME")?.lowercased(), $0.arguments.word("NAME")) }) { "the field \(quote($0))" }
        let own = headers.compactMap { header in
            header.arguments.text("NAME").map { APIKeysConfig.Field(name: $0, isBearer: header.arguments.has("bearer")) }
        }
        if block.all("key").isEmpty, block.isSound {
            diagnostics.warning(
                "there is no key: whoever is asked for one gets 401", at: entry.name.position, expected: "expected key NAME sha256=DIGEST;")
        }
        let usual = [
            APIKeysConfig.Field(name: "X-API-Key", isBearer: false), APIKeysConfig.Field(name: "Authorization", isBearer: true),
        ]
        return APIKeysConfig(fields: own.isEmpty ? usual : own, keys: keys(block.all("key")))
    }

    private func keys(_ entries: [Entry]) -> [APIKeysConfig.Key] {
        // Under whatever name: one key is one caller.
        reportDuplicates(entries.map { ($0.arguments.digest("sha256"), $0.arguments.word("sha256")) }) { _ in "this key" }
        let today = Int(MonotonicTime.wallClockNanoseconds() / 86_400_000_000_000)
        return entries.compactMap { entry in
            guard let name = entry.arguments.text("NAME"), let digest = entry.arguments.digest("sha256") else { return nil }
            let lastDay = entry.arguments.number("expires")
            if let lastDay, lastDay < today, let word = entry.arguments.word("expires") {
                diagnostics.warning(
                    "this key of \(quote(name)) has expired", at: word.position, expected: "its requests get 401: take it out, or renew it")
            }
            return APIKeysConfig.Key(name: name, digest: digest, lastDay: lastDay)
        }
    }

    // MARK: Who is asked for one

    func authentication(_ block: Scope) -> AuthenticationConfig? {
        let arguments = block.effective("authenticate")
        guard arguments.text("api_key|off") == "api_key" else { return nil }
        return AuthenticationConfig(stripsKey: arguments.has("strip"))
    }

    /// In `block` and all blocks in it.
    func checkAuthentication(_ block: Scope, hasKeys: Bool? = nil) {
        let hasKeys = hasKeys ?? (block.first("api_keys") != nil)
        for inner in (block.all("server") + block.all("location")).compactMap(\.block) { checkAuthentication(inner, hasKeys: hasKeys) }
        guard let entry = block.first("authenticate"), let word = entry.arguments.word("api_key|off") else { return }
        if word.text == "api_key", !hasKeys {
            diagnostics.error("there are no \"api_keys\"", at: word.position, expected: "expected api_keys { key NAME sha256=DIGEST; }")
        }
        if word.text == "off", let strip = entry.arguments.word("strip") {
            diagnostics.error("\"off\" strips nothing", at: strip.position, expected: "expected authenticate off;")
        }
    }
}
