/// What an origin may send instead of a response, or around one, and what the client must see of it.
struct HostileAnswer: Sendable {
    enum Ending: Sendable { case open, close, reset }

    enum Verdict: Sendable {
        /// 502 with this `error_type`, and nothing of what the origin sent.
        case badGateway(String)
        /// The head, and then an end that no client takes for the body's.
        case broken
        /// A whole response with this status and content.
        case passes(Int, String, has: [String], lacks: [String])
    }

    let name: String
    /// Of the RFC that has the rule: "9112 § 4".
    let section: String
    let bytes: [UInt8]
    var method = "GET"
    var ending = Ending.open
    let verdict: Verdict
    /// 1xx answers that the client sees before it.
    var interim: [Int] = []
    /// Whether the origin's connection may carry another request.
    var isReusable = false
    /// Values may hold bytes from 0x80 on (obs-text, RFC 9110 § 5.5).
    var hasOpaqueText = false

    /// A character from U+0000 to U+00FF is the byte of that number, any other its UTF-8.
    init(_ name: String, _ section: String, _ text: String, _ verdict: Verdict, then ending: Ending = .open) {
        self.name = name
        self.section = section
        bytes = text.unicodeScalars.flatMap { $0.value < 256 ? [UInt8($0.value)] : Array(String($0).utf8) }
        self.verdict = verdict
        self.ending = ending
    }

    static func refused(
        _ name: String, _ section: String, _ text: String, then ending: Ending = .open, _ errorType: String = "upstream_invalid"
    )
        -> Self
    {
        Self(name, section, text, .badGateway(errorType), then: ending)
    }

    static func breaks(_ name: String, _ section: String, _ text: String, then ending: Ending = .open) -> Self {
        Self(name, section, text, .broken, then: ending)
    }

    /// A response that passes, after which the origin's connection carries the next request.
    static func passes(
        _ name: String, _ section: String, _ text: String, _ body: String, status: Int = 200, has: [String] = [], lacks: [String] = []
    ) -> Self {
        var row = Self(name, section, text, .passes(status, body, has: has, lacks: lacks))
        row.isReusable = true
        return row
    }

    func to(_ method: String) -> Self {
        var row = self
        row.method = method
        return row
    }

    func after(_ interim: Int...) -> Self {
        var row = self
        row.interim = interim
        return row
    }

    /// The origin's connection must not be used again.
    func once(then ending: Ending = .open) -> Self {
        var row = self
        row.isReusable = false
        row.ending = ending
        return row
    }

    func opaque() -> Self {
        var row = self
        row.hasOpaqueText = true
        return row
    }

    static let all = endings + statusLines + fields + framings + bodies + interims + surpluses + borderline
}
