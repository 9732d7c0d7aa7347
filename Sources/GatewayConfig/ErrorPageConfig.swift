/// Whose clients a location has: their SDKs read errors in a form of their own.
public enum APIStyle: String, Sendable, CaseIterable {
    case openai, anthropic, gemini
}

/// `error_page`: what clients get for a status instead of the gateway's own document.
public struct ErrorPageConfig: Sendable, Equatable {
    public enum Content: Sendable, Equatable {
        case page(PageConfig)
        /// 302 to a URL.
        case redirect(String)
    }

    public var status: Int
    public var content: Content
}

/// A file that was read when the configuration was.
public struct PageConfig: Sendable, Equatable {
    public enum Kind: Sendable { case html, json, text }

    public var kind: Kind
    public var bytes: [UInt8]
    /// The same as gzip has it; nil where nobody gets it compressed.
    public var gzipped: [UInt8]?
}
