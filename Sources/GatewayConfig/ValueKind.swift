import GatewayCore

/// What an argument may be. Each kind reads a word, or says what it expected.
indirect enum ValueKind: Sendable {
    case number(ClosedRange<Int>)
    /// In bytes.
    case size
    /// In milliseconds.
    case time(ClosedRange<Int>)
    /// A share, in millionths.
    case percent
    /// on | off.
    case toggle
    case choice([String])
    /// Words with commas between them.
    case choices([String])
    /// One of the words, or what the other kind reads.
    case either([String], ValueKind)
    case file
    /// A user or a group of this machine.
    case userName, groupName
    /// What a listener binds to.
    case listenAddress
    /// A server of an upstream.
    case endpoint
    case network
    /// With commas between them.
    case networks
    /// What tells callers apart.
    case stickyKey
    /// A name that the configuration gives.
    case name
    case serverName
    case hostField
    case mediaType
    /// A host or an address, without a port.
    case host
    case headerName
    case headerValue
    /// The value of a header field, without variables.
    case fieldText
    /// The name of any header field, or "*".
    case fieldName
    /// Of header fields, or of members of a JSON object, with commas between them.
    case fieldNames, memberNames
    /// Of a web page, or "*".
    case origin
    /// Of a request.
    case method
    /// Text with variables.
    case template
    case locationPath
    case proxyTarget
    case digest
    /// A day, as the number of days since 1970-01-01.
    case day
    case rate
    case limitKey
    case message
    /// Of a hundred.
    case share
    /// What a health check asks for.
    case requestPath
    /// Where spans are sent.
    case collectorURL
    /// `NAME:VALUE`, whose value may come from the environment.
    case field

    /// Milliseconds that a wait may have: from 1 on, because a wait of nothing fails at once.
    static let wait = ValueKind.time(1...Self.longestMs)
    /// Milliseconds from one lookup of a name to the next.
    static let interval = ValueKind.time(Limits.resolveIntervalMinMs...Self.longestMs)
    /// A wait that 0 switches off.
    static let waitOrNone = ValueKind.time(0...Self.longestMs)
    private static let longestMs = 365 * 86_400_000

    func read(_ word: Word) throws(Complaint) -> Value {
        if !takesVariables, let dollar = word.variableStart { throw variablesComplaint(word, at: dollar) }
        switch self {
        case .number(let range): return .number(try NumberReader.number(word, range))
        case .size: return .number(try NumberReader.size(word))
        case .time(let range): return .number(try NumberReader.timeMs(word, range))
        case .percent: return .number(try NumberReader.percent(word))
        case .toggle: return .toggle(try Self.choice(word, ["on", "off"]) == "on")
        case .choice(let choices): return .text(try Self.choice(word, choices))
        case .choices(let choices): return .texts(try Self.list(word, choices))
        case .either(let words, let kind): return words.contains(word.text) ? .text(word.text) : try kind.read(word)
        case .userName: return .text(try NameReader.user(word))
        case .groupName: return .text(try NameReader.group(word))
        case .file: return .text(try NameReader.file(word))
        case .listenAddress: return .address(try AddressReader.listenAddress(word))
        case .endpoint: return .endpoint(try AddressReader.endpoint(word))
        case .network: return .network(try AddressReader.network(word))
        case .networks: return .networks(try StickyReader.networks(word))
        case .stickyKey: return .stickyKey(try StickyReader.key(word))
        case .name: return .text(try NameReader.name(word))
        case .serverName: return .texts(try NameReader.serverName(word))
        case .hostField: return .text(try NameReader.hostField(word))
        case .mediaType: return .text(try NameReader.mediaType(word))
        case .host: return .text(try NameReader.host(word))
        case .headerName: return .text(try HeaderReader.name(word))
        case .headerValue: return .template(try HeaderReader.value(word))
        case .fieldText: return .text(try HeaderReader.text(word))
        case .fieldName: return .text(try HeaderReader.anyName(word))
        case .fieldNames: return .texts(try CacheReader.fields(word))
        case .memberNames: return .texts(try CacheReader.members(word))
        case .origin: return .text(try OriginReader.origin(word))
        case .method: return .text(try OriginReader.method(word))
        case .template: return .template(try TemplateReader.read(word))
        case .locationPath: return .text(try NameReader.locationPath(word))
        case .proxyTarget: return .proxyTarget(try ProxyTargetReader.read(word))
        case .digest: return .digest(try CallerReader.digest(word))
        case .day: return .number(try CallerReader.day(word))
        case .rate: return .rate(try RateReader.rate(word))
        case .limitKey: return .limitKey(try RateReader.limitKey(word))
        case .message: return .text(try RateReader.message(word))
        case .share: return .number(try HealthReader.share(word))
        case .requestPath: return .text(try HealthReader.path(word))
        case .collectorURL: return .proxyTarget(try CollectorReader.url(word))
        case .field: return .field(try CollectorReader.field(word))
        }
    }

    /// nginx takes a "$" in a location's path for itself.
    private var takesVariables: Bool {
        switch self {
        case .headerValue, .template, .locationPath, .fieldText, .field: true
        case .either(_, let kind): kind.takesVariables
        default: false
        }
    }

    private func variablesComplaint(_ word: Word, at dollar: Int) -> Complaint {
        Complaint(
            "variables can't be used here", expected: "expected text without \"$\"", part: dollar..<word.text.utf8.count)
    }

    private static func choice(_ word: Word, _ choices: [String]) throws(Complaint) -> String {
        if choices.contains(word.text) { return word.text }
        let hint = word.environmentName == nil ? switchHint(word, choices) ?? Suggestion.hint(for: word.text, among: choices) : nil
        throw Complaint("\(word.shown) is not valid here", expected: hint ?? "expected \(alternatives(choices))")
    }

    /// By its letters alone "no" is nearest to "on", and who follows that has switched the wrong way.
    private static func switchHint(_ word: Word, _ choices: [String]) -> String? {
        guard choices.contains("on"), choices.contains("off") else { return nil }
        return switch word.text.lowercased() {
        case "no", "false", "disable", "disabled", "none", "0": "did you mean \"off\"?"
        case "yes", "true", "enable", "enabled", "1": "did you mean \"on\"?"
        default: nil
        }
    }

    private static func list(_ word: Word, _ choices: [String]) throws(Complaint) -> [String] {
        var chosen: [String] = []
        var start = 0
        for element in word.text.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            let text = String(Substring(element))
            guard choices.contains(text) else {
                throw Complaint(
                    "\(word.environmentName == nil ? quote(text) : word.shown) is not valid here",
                    expected: "expected one or more of \(choices.joined(separator: ", ")), with commas between them",
                    part: start..<(start + element.count))
            }
            chosen.append(text)
            start += element.count + 1
        }
        return chosen
    }

    /// "a", "a or b", "a, b or c".
    static func alternatives(_ words: [String]) -> String {
        guard words.count > 1, let last = words.last else { return words.joined() }
        return words.dropLast().joined(separator: ", ") + " or " + last
    }
}

extension Word {
    /// The first "$" that would begin a variable. A value of the environment has none: it is text.
    var variableStart: Int? {
        if environmentName != nil { return nil }
        return text.utf8.firstIndex(of: UInt8(ascii: "$")).map { text.utf8.distance(from: text.utf8.startIndex, to: $0) }
    }
}
