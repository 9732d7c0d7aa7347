import GatewayCore

extension SnapshotBuilder {
    // MARK: cache_zone

    func cacheZones(_ main: Scope) -> [CacheZoneConfig] {
        let entries = main.all("cache_zone")
        reportDuplicates(entries.map { ($0.arguments.text("NAME"), $0.arguments.word("NAME")) }) { "the cache zone \(quote($0))" }
        warnOfUnusedZones(entries, main)
        var zones: [CacheZoneConfig] = []
        for zone in entries.compactMap(cacheZone) where !zones.contains(where: { $0.name == zone.name }) { zones.append(zone) }
        return zones
    }

    private func cacheZone(_ entry: Entry) -> CacheZoneConfig? {
        guard entry.isSound, let name = entry.arguments.text("NAME"), let memory = entry.arguments.number("memory"),
            let word = entry.arguments.word("memory")
        else { return nil }
        if memory < Limits.cacheShardBytesMin || memory > Limits.cacheZoneBytesMax {
            diagnostics.error(
                "\(word.shown) is out of range", at: word.position,
                expected: "expected from \(size(Limits.cacheShardBytesMin)) to \(size(Limits.cacheZoneBytesMax))")
            return nil
        }
        let zone = CacheZoneConfig(
            name: name, memoryBytes: memory, entryBytesMax: entry.arguments.number("entry_max") ?? Limits.cacheEntryBytesMax)
        checkEntryBytes(zone, memory: word, written: entry.arguments.word("entry_max"))
        return zone
    }

    private func checkEntryBytes(_ zone: CacheZoneConfig, memory: Word, written: Word?) {
        let most = zone.memoryBytes / Limits.cacheEntriesPerShardMin
        if let written, zone.entryBytesMax < Limits.cacheEntryBytesMin {
            diagnostics.error(
                "\(written.shown) is too little for an answer", at: written.position,
                expected: "expected at least \(size(Limits.cacheEntryBytesMin))")
        } else if let written, zone.entryBytesMax > most {
            diagnostics.error(
                "\(written.shown) is more than an eighth of the memory", at: written.position,
                expected:
                    "expected at most \(size(most)), or more memory: a zone has to hold \(Limits.cacheEntriesPerShardMin) answers at least")
        } else if zone.entryBytesMax > most {
            let least = zone.entryBytesMax * Limits.cacheEntriesPerShardMin
            diagnostics.error(
                "\(memory.shown) is too little for \(Limits.cacheEntriesPerShardMin) answers of \(size(zone.entryBytesMax))",
                at: memory.position,
                expected: "expected at least \(size(least)), or entry_max=\(size(most)) beside it")
        }
    }

    private func warnOfUnusedZones(_ entries: [Entry], _ main: Scope) {
        let locations = main.all("server").compactMap(\.block).flatMap { $0.all("location") }.compactMap(\.block)
        let used = Set(locations.compactMap { $0.first("cache")?.arguments.text("ZONE") })
        for word in entries.filter(\.isSound).compactMap({ $0.arguments.word("NAME") }) where !used.contains(word.text) {
            diagnostics.warning(
                "no location keeps answers in the cache zone \(word.shown)", at: word.position,
                expected: "expected cache \(word.text); in one")
        }
    }

    // MARK: cache

    func cache(_ block: Scope, _ action: LocationAction) -> CacheConfig? {
        guard let entry = block.first("cache") else { return nil }
        let zone = zone(of: entry)
        checkOrigin(entry, block)
        guard entry.isSound else { return nil }
        checkForce(entry.arguments)
        checkScope(entry, block)
        warnOfIgnoredQuestions(entry.arguments)
        checkBodyBytes(entry.arguments, block)
        guard let zone, case .proxyPass = action else { return nil }
        return CacheConfig(entry.arguments, zone: zone)
    }

    private func zone(of entry: Entry) -> Int? {
        guard let word = entry.arguments.word("ZONE") else { return nil }
        if let zone = cacheZones.firstIndex(where: { $0.name == word.text }) { return zone }
        // One that is there and wrong has been told.
        if cacheZoneNames.contains(word.text) { return nil }
        let hint = word.text == "off" ? "leave it out: nothing is kept without it" : Suggestion.hint(for: word.text, among: cacheZoneNames)
        diagnostics.error(
            "there is no cache zone \(word.shown)", at: word.position,
            expected: hint ?? "expected the name of a \"cache_zone\": cache_zone NAME memory=SIZE;")
        return nil
    }

    private func checkOrigin(_ entry: Entry, _ block: Scope) {
        if block.first("proxy_pass") != nil || !block.isSound { return }
        diagnostics.error(
            "there is no origin here whose answers could be kept", at: entry.name.position, expected: "expected proxy_pass beside it")
    }

    private func checkForce(_ arguments: Arguments) {
        guard let force = arguments.word("force") else { return }
        if let obey = arguments.word("obey_origin") {
            diagnostics.error(
                "\"force\" goes before what the origin says, so that nothing is left to obey", at: obey.position,
                expected: "expected one of the two")
        }
        guard let ttl = arguments.word("ttl") else {
            diagnostics.error(
                "\"force\" is missing its time", at: force.position,
                expected: "expected ttl=TIME beside it: how long whatever comes is fresh")
            return
        }
        if arguments.number("ttl") == 0 {
            diagnostics.error(
                "with \"force\" no answer would ever be fresh", at: ttl.position, expected: "expected a longer time, or no \"force\"")
        }
    }

    private func checkScope(_ entry: Entry, _ block: Scope) {
        if authentication(block) != nil { return }
        guard let word = entry.arguments.word("scope") else {
            diagnostics.warning(
                "requests that carry Authorization, Cookie or a key are not cached here", at: entry.name.position,
                expected: "expected \"authenticate api_key;\" beside it, or scope=shared where everybody may have the same answers")
            return
        }
        if entry.arguments.text("scope") == CacheConfig.Scope.shared.rawValue { return }
        diagnostics.error(
            "\"scope=key\" keeps answers for each API key, and this asks for none", at: word.position,
            expected: "expected \"authenticate api_key;\" beside it, or scope=shared")
    }

    /// Nobody can have meant that one question's answer is given to another.
    private func warnOfIgnoredQuestions(_ arguments: Arguments) {
        guard let word = arguments.word("ignore") else { return }
        for name in arguments.texts("ignore") where Self.questionMembers.contains(name) {
            diagnostics.warning(
                "requests that differ in \(word.environmentName == nil ? quote(name) : word.shown) get the same answer", at: word.position,
                expected: "expected names of members that change no answer, such as user or metadata")
        }
    }

    /// What OpenAI, Anthropic and Gemini take the question, its model and the answer's form from.
    private static let questionMembers: Set = [
        "contents", "input", "instructions", "messages", "model", "prompt", "response_format", "stream", "system", "systemInstruction",
        "system_instruction", "tools",
    ]

    private func checkBodyBytes(_ arguments: Arguments, _ block: Scope) {
        guard let word = arguments.word("body_max"), let bytes = arguments.number("body_max") else { return }
        if bytes < 1 || bytes > Limits.cacheBodyBytesBound {
            diagnostics.error(
                "\(word.shown) is out of range", at: word.position, expected: "expected from 1 to \(size(Limits.cacheBodyBytesBound))")
        } else if bytes > bodyBytesMax(block) {
            diagnostics.warning(
                "longer bodies than \(size(bodyBytesMax(block))) get 413 before they come to the cache", at: word.position,
                expected: "expected client_max_body_size \(word.text); with it")
        }
    }
}

extension CacheConfig {
    /// What is not written is as it is usual.
    fileprivate init(_ arguments: Arguments, zone: Int) {
        self.init(zone: zone)
        ttlMs = arguments.number("ttl") ?? ttlMs
        force = arguments.has("force")
        scope = arguments.text("scope").flatMap(Scope.init)
        ignored = arguments.texts("ignore")
        deterministicOnly = arguments.has("deterministic_only")
        if arguments.has("headers") { fields = arguments.texts("headers") }
        bodyBytesMax = arguments.number("body_max") ?? bodyBytesMax
        staleIfErrorMs = arguments.number("stale_if_error") ?? 0
        staleWhileRevalidateMs = arguments.number("stale_while_revalidate") ?? 0
        obeysOrigin = arguments.has("obey_origin")
        finishesAbandoned = arguments.has("finish_abandoned")
    }
}

/// In the largest unit that has no fraction: "64m", "512k", "1000".
private func size(_ bytes: Int) -> String {
    for (unit, letter) in [(1 << 30, "g"), (1 << 20, "m"), (1 << 10, "k")] where bytes >= unit && bytes % unit == 0 {
        return "\(bytes / unit)\(letter)"
    }
    return "\(bytes)"
}
