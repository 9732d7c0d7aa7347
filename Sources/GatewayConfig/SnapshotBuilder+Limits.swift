import GatewayCore

extension SnapshotBuilder {
    // MARK: rate_limit

    func rateLimits(_ main: Scope, keys: APIKeysConfig?) -> [RateLimitConfig] {
        let entries = main.all("rate_limit")
        reportDuplicates(entries.map { ($0.arguments.text("NAME"), $0.arguments.word("NAME")) }) { "the rate limit \(quote($0))" }
        var limits: [RateLimitConfig] = []
        for limit in entries.compactMap({ rateLimit($0, keys) }) where !limits.contains(where: { $0.name == limit.name }) {
            limits.append(limit)
        }
        return limits
    }

    private func rateLimit(_ entry: Entry, _ keys: APIKeysConfig?) -> RateLimitConfig? {
        let arguments = entry.arguments
        guard let name = arguments.text("NAME"), let key = arguments.limitKey("key"), let bucket = bucket(entry) else { return nil }
        let exceptions = entry.block?.all(DirectiveTable.keyName) ?? []
        checkExceptions(exceptions, key, keys)
        if let prefix = arguments.word("ipv6_prefix"), key != .address {
            diagnostics.error("only addresses have networks", at: prefix.position, expected: "expected key=ip beside it")
        }
        return RateLimitConfig(
            name: name, key: RateLimitConfig.Key(key, prefixBits: arguments.number("ipv6_prefix") ?? 64), bucket: bucket,
            exceptions: exceptions.compactMap { exception in
                self.bucket(exception).map { RateLimitConfig.Exception(name: exception.name.text, bucket: $0) }
            },
            message: arguments.text("message") ?? "", isDryRun: arguments.has("dry_run"),
            callersMax: arguments.number("callers") ?? Limits.rateCallersMax)
    }

    private func bucket(_ entry: Entry) -> RateLimitConfig.Bucket? {
        guard let rate = entry.arguments.rate("rate"), let word = entry.arguments.word("rate") else { return nil }
        let written = entry.arguments.number("burst")
        if written == nil, rate.windowMs > 1_000, entry.isSound {
            diagnostics.error(
                "a rate of a longer time than a second needs its burst", at: word.position,
                expected: "expected burst=NUMBER: how many requests may come at once, \(rate.requests) for all of the time's")
        }
        let burst = written ?? rate.requests
        // In floating point, where nothing overflows.
        if Double(burst) / Double(rate.requests) * Double(rate.windowMs) > Double(Limits.bucketFillMsMax) {
            diagnostics.error(
                "this bucket would take longer than \(Limits.bucketFillMsMax / 86_400_000) days to fill up",
                at: entry.arguments.word("burst")?.position ?? word.position, expected: "expected a smaller burst, or a higher rate")
            return nil
        }
        return RateLimitConfig.Bucket(requests: rate.requests, windowMs: rate.windowMs, burst: burst)
    }

    private func checkExceptions(_ exceptions: [Entry], _ key: RateReader.LimitKey, _ keys: APIKeysConfig?) {
        reportDuplicates(exceptions.map { ($0.name.text, $0.name) }) { "the exception of \(quote($0))" }
        let names = Set(keys?.keys.map(\.name) ?? [])
        for exception in exceptions {
            if key != .apiKey {
                diagnostics.error(
                    "exceptions are for the names of API keys", at: exception.name.position, expected: "expected key=api_key in this limit")
            } else if !names.contains(exception.name.text) {
                diagnostics.error(
                    "no API key has the name \(exception.name.shown)", at: exception.name.position,
                    expected: Suggestion.hint(for: exception.name.text, among: names) ?? "expected the name of a key in \"api_keys\"")
            }
        }
    }

    // MARK: limit

    /// What holds in `block`: the limits of the outer levels and its own.
    func limits(_ block: Scope, _ action: LocationAction, at position: SourcePosition) -> [LimitUseConfig] {
        let uses = limitUses(block)
        if authentication(block) != nil { return uses.map(\.use) }
        var counted: [LimitUseConfig] = []
        for (use, entry, isOwn) in uses {
            if rateLimits[use.limit].key != .apiKey {
                counted.append(use)
                continue
            }
            // What says that it asks for no key has no callers to count, and what only answers 404 has none either.
            let saysOff = block.first("authenticate") != nil
            if (saysOff && !isOwn) || (block.context == .server && action == .none) { continue }
            diagnostics.error(
                "\(quote(rateLimits[use.limit].name)) counts API keys, and this asks for none", at: isOwn ? entry.name.position : position,
                expected: "expected authenticate api_key; the limit: \(entry.name.position.name)")
        }
        return counted
    }

    private func limitUses(_ block: Scope) -> [(use: LimitUseConfig, entry: Entry, isOwn: Bool)] {
        let own = block.all("limit")
        if own.contains(where: { $0.arguments.texts("NAME|off").contains("off") }) { return [] }
        var uses = (block.outer.map(limitUses) ?? []).map { (use: $0.use, entry: $0.entry, isOwn: false) }
        for entry in own {
            for name in entry.arguments.texts("NAME|off") {
                guard let limit = rateLimits.firstIndex(where: { $0.name == name }) else { continue }
                uses.removeAll { $0.use.limit == limit }
                uses.append((LimitUseConfig(limit: limit, cost: entry.arguments.number("cost") ?? 1), entry, true))
            }
        }
        return uses
    }

    /// In `block` and all blocks in it: each line once, however many locations it holds for.
    func checkLimits(_ block: Scope) {
        for inner in (block.all("server") + block.all("location")).compactMap(\.block) { checkLimits(inner) }
        let entries = block.all("limit")
        let items = entries.flatMap { $0.arguments.items.filter { $0.label == "NAME|off" } }
        reportDuplicates(items.map { ($0.word.text, $0.word) }) { "the limit \(quote($0))" }
        if let off = items.first(where: { $0.word.text == "off" }), items.count > 1 || entries[0].arguments.has("cost") {
            diagnostics.error("\"off\" takes all limits away, and stands alone", at: off.word.position, expected: "expected limit off;")
        }
        for entry in entries { checkLimit(entry) }
        if limitUses(block).count > Limits.rateLimitsPerRequestMax, let last = entries.last {
            diagnostics.error(
                "a request here would meet more than \(Limits.rateLimitsPerRequestMax) limits", at: last.name.position,
                expected: "expected fewer, those of the outer levels among them")
        }
    }

    private func checkLimit(_ entry: Entry) {
        let cost = entry.arguments.number("cost") ?? 1
        for item in entry.arguments.items where item.label == "NAME|off" && item.word.text != "off" {
            guard let limit = rateLimits.first(where: { $0.name == item.word.text }) else {
                // One that is there and wrong has been told.
                if rateLimitNames.contains(item.word.text) { continue }
                diagnostics.error(
                    "there is no rate limit \(item.word.shown)", at: item.word.position,
                    expected: Suggestion.hint(for: item.word.text, among: rateLimitNames) ?? "expected the name of a \"rate_limit\", or off"
                )
                continue
            }
            let smallest = ([limit.bucket] + limit.exceptions.map(\.bucket)).map(\.burst).min() ?? 1
            if cost > smallest, let word = entry.arguments.word("cost") {
                diagnostics.error(
                    "no request would ever get through: \(quote(limit.name)) has a burst of \(smallest)", at: word.position,
                    expected: "expected a cost of at most \(smallest)")
            }
        }
    }

    func limitHeaders(_ block: Scope) -> LimitHeaderStyle {
        block.effective("limit_headers").text().flatMap(LimitHeaderStyle.init) ?? .ietf
    }
}

extension RateLimitConfig.Key {
    fileprivate init(_ key: RateReader.LimitKey, prefixBits: Int) {
        self =
            switch key {
            case .address: .address(prefixBits: prefixBits)
            case .apiKey: .apiKey
            case .all: .all
            case .header(let name): .header(name)
            }
    }
}
