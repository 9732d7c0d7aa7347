import GatewayConfig
import GatewayCore

/// Looks at an event stream (HTML, § 9.2.6) of an AI API as it passes, in any pieces: whether it came to its end, and what it took.
/// Only what did may be given to somebody else.
public struct EventStreamScanner: Sendable {
    private enum State {
        /// A byte order mark, of which so much has come, may stand before the first line.
        case beginning
        case field, skipSpace, value
    }

    private enum Field {
        case data, event, other
    }

    private let api: APIStyle
    private var json: AnswerScanner
    private var state = State.beginning
    private var markByteCount = 0
    private var field = Field.other
    private var hasField = false
    /// The last byte was a CR: a LF behind it belongs to it.
    private var isBehindReturn = false
    /// Of the line: its field's name. Of the event: its type, and the beginning of its data.
    private var name = ShortText()
    private var type = ShortText()
    private var data = InlineArray<6, UInt8>(repeating: 0)
    private var dataByteCount = 0
    private var hasData = false
    private var candidatesSeen: UInt64 = 0
    private var candidatesFinished: UInt64 = 0
    private var hasEnded = false

    /// An error was among the events, or the answer was given up: what came is not the answer.
    public private(set) var hasFailed = false
    /// The first of what the model has written was among the events.
    public private(set) var hasOutput = false

    public init(api: APIStyle) {
        self.api = api
        json = AnswerScanner(api: api)
    }

    /// The event that ends an answer has come, and no error. To be asked when the stream has ended.
    public var isComplete: Bool {
        !hasFailed && (hasEnded || candidatesFinished != 0 && candidatesFinished == candidatesSeen)
    }

    public var usage: TokenUsage { json.counts.usage }
    /// The model that answered; empty if it is not told.
    public var model: RawSpan {
        @_lifetime(borrow self)
        get { json.model }
    }

    public mutating func scan(_ piece: RawSpan) {
        var position = 0
        while position < piece.byteCount {
            switch state {
            case .value: position = scanValue(piece, position)
            case .beginning: if skipsMark(piece[byte: position]) { position &+= 1 }
            case .field, .skipSpace:
                take(piece[byte: position], &position)
            }
        }
    }

    // MARK: Lines

    private mutating func skipsMark(_ byte: UInt8) -> Bool {
        let isMark = markByteCount == 0 ? byte == 0xef : markByteCount == 1 ? byte == 0xbb : byte == 0xbf
        if isMark { markByteCount &+= 1 }
        if !isMark || markByteCount == 3 { state = .field }
        // Half a mark is the beginning of a name that nobody knows.
        if !isMark && markByteCount > 0 {
            name.spoil()
            hasField = true
        }
        return isMark
    }

    private mutating func take(_ byte: UInt8, _ position: inout Int) {
        if state == .skipSpace {
            state = .value
            if byte == 0x20 { position &+= 1 }
            return
        }
        position &+= 1
        switch byte {
        case 0x0a where isBehindReturn: isBehindReturn = false
        case 0x0a, 0x0d:
            beginValue()
            endLine(byte)
        case UInt8(ascii: ":"):
            isBehindReturn = false
            beginValue()
            state = .skipSpace
        default:
            isBehindReturn = false
            hasField = true
            name.append(byte)
        }
    }

    /// The name of the line's field is there. Without one the line is a comment, or empty.
    private mutating func beginValue() {
        field = name.bytes.equals("data") ? .data : name.bytes.equals("event") ? .event : .other
        switch field {
        case .data:
            if hasData { json.scan(InlineArray<1, UInt8>(repeating: 0x0a).rawSpan) }
            hasData = true
        case .event: type.removeAll()
        case .other: break
        }
    }

    private mutating func scanValue(_ piece: RawSpan, _ start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let end = piece.firstIndex(from: start) { word in
            (((word ^ (ones &* 0x0a)) &- ones) | ((word ^ (ones &* 0x0d)) &- ones)) & ~word & (ones &* 0x80)
        }
        let value = piece.extracting(start..<end)
        switch field {
        case .data:
            for offset in 0..<min(value.byteCount, 6 &- dataByteCount) {
                data[dataByteCount] = value[byte: offset]
                dataByteCount &+= 1
            }
            json.scan(value)
        case .event: type.append(value)
        case .other: break
        }
        if end == piece.byteCount { return end }
        hasField = true
        endLine(piece[byte: end])
        return end &+ 1
    }

    private mutating func endLine(_ byte: UInt8) {
        isBehindReturn = byte == 0x0d
        if !hasField && state == .field { endEvent() }
        state = .field
        hasField = false
        name.removeAll()
    }

    // MARK: Events

    private mutating func endEvent() {
        let named = AnswerMarks.kind(ofType: type.bytes, api: api)
        if named == .failed { hasFailed = true }
        if hasData { learn(named) }
        if AnswerMarks.isOutput(type: type.bytes, api: api) { hasOutput = true }
        type.removeAll()
        dataByteCount = 0
        hasData = false
        json.beginDocument()
    }

    private mutating func learn(_ named: AnswerMarks.Kind) {
        if api == .openai && dataByteCount == 6 && data.rawSpan.equals("[DONE]") { hasEnded = true }
        let marks = json.marks
        if marks.hasOutput { hasOutput = true }
        if marks.hasError || marks.kind == .failed { hasFailed = true }
        // What is cut off, or no JSON, ends nothing.
        if !json.isWhole { return }
        if marks.kind == .completed || named == .completed { hasEnded = true }
        if api != .gemini { return }
        candidatesSeen |= marks.candidatesSeen
        candidatesFinished |= marks.candidatesFinished
    }
}
