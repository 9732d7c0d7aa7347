import GatewayConfig
import GatewayCore

/// Reads JSON as it passes, in any pieces, for the few members that tell how an answer ended and what it took. Nothing is gathered but the
/// beginnings of names and of those values, so an event may be of any length.
///
/// It follows the structure of the grammar, not all of its details (it takes `1-2` for a number): who reads the answer will say so.
/// Arrays don't count in the place of a member: that of an object in an array is the array's.
struct AnswerScanner: Sendable {
    private enum State {
        case value, valueOrEnd
        case name, nameOrEnd
        case colon, behindValue
        case string, escape
        case number, literal
        /// Behind the outermost value, where only white space may follow.
        case ended
        case broken
    }

    private let api: APIStyle
    private var state = State.value
    private var isName = false
    /// Arrays and objects that are open, the innermost in the lowest bit, which is set for an object.
    private var containers: UInt64 = 0
    private var depth = 0
    private var objectDepth = 0
    /// The members that the value lies in, from the outside.
    private var path = InlineArray<3, AnswerMember>(repeating: .other)
    /// What the value that is being read tells.
    private var wanted = AnswerMember.other
    private var text = ShortText()
    private var number: UInt64 = 0
    private var isFraction = false
    private var candidateIndex: UInt64 = 0
    private var isCandidateFinished = false

    private(set) var marks = AnswerMarks()
    /// These stay from one document to the next.
    private(set) var counts = TokenCounts()
    private var modelText = ShortText()

    init(api: APIStyle) {
        self.api = api
    }

    /// The next document of the same answer.
    mutating func beginDocument() {
        state = .value
        depth = 0
        objectDepth = 0
        candidateIndex = 0
        isCandidateFinished = false
        marks = AnswerMarks()
    }

    /// The document is there to its end.
    var isWhole: Bool { state == .ended || depth == 0 && (state == .number || state == .literal) }

    var model: RawSpan {
        @_lifetime(borrow self)
        get { modelText.bytes }
    }

    mutating func scan(_ piece: RawSpan) {
        var position = 0
        while position < piece.byteCount {
            if state == .string {
                position = scanString(piece, position)
            } else if state == .broken {
                return
            } else {
                take(piece[byte: position])
                position &+= 1
            }
        }
    }

    /// A stretch without quote or backslash at once.
    private mutating func scanString(_ piece: RawSpan, _ start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let end = piece.firstIndex(from: start) { word in
            (((word ^ (ones &* 0x22)) &- ones) | ((word ^ (ones &* 0x5c)) &- ones) | (word &- ones &* 0x20)) & ~word & (ones &* 0x80)
        }
        if isName || wanted != .other { text.append(piece.extracting(start..<end)) }
        if wanted == .written && !isName && end > start { marks.hasOutput = true }
        if end == piece.byteCount { return end }
        switch piece[byte: end] {
        case 0x22: endString()
        case 0x5c:
            // No name that is looked for is written with escapes.
            text.spoil()
            if wanted == .written && !isName { marks.hasOutput = true }
            state = .escape
        default: state = .broken
        }
        return end &+ 1
    }

    // MARK: Structure

    private mutating func take(_ byte: UInt8) {
        if state == .escape {
            state = .string
            return
        }
        if state == .number || state == .literal {
            if isScalar(byte) { return continueScalar(byte) }
            endScalar()
        }
        if byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { return }
        switch (state, byte) {
        case (.valueOrEnd, UInt8(ascii: "]")): close(isObject: false)
        case (.value, _), (.valueOrEnd, _): beginValue(byte)
        case (.nameOrEnd, UInt8(ascii: "}")): close(isObject: true)
        case (.name, 0x22), (.nameOrEnd, 0x22): beginString(isName: true)
        case (.colon, UInt8(ascii: ":")): state = .value
        case (.behindValue, UInt8(ascii: ",")): state = containers & 1 == 1 ? .name : .value
        case (.behindValue, UInt8(ascii: "]")): close(isObject: false)
        case (.behindValue, UInt8(ascii: "}")): close(isObject: true)
        default: state = .broken
        }
    }

    private mutating func beginValue(_ byte: UInt8) {
        wanted = place
        switch byte {
        case UInt8(ascii: "{"): open(isObject: true)
        case UInt8(ascii: "["): open(isObject: false)
        case 0x22: beginString(isName: false)
        case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"): state = .literal
        default:
            if byte != UInt8(ascii: "-") && !byte.isDigit { return state = .broken }
            state = .number
            number = 0
            isFraction = byte == UInt8(ascii: "-")
            if byte.isDigit { number = UInt64(byte &- 0x30) }
        }
    }

    private mutating func open(isObject: Bool) {
        if depth == UInt64.bitWidth { return state = .broken }
        if isObject && wanted == .error { marks.hasError = true }
        if wanted == .written { marks.hasOutput = true }
        depth &+= 1
        containers = containers << 1 | (isObject ? 1 : 0)
        state = isObject ? .nameOrEnd : .valueOrEnd
        if !isObject { return }
        objectDepth &+= 1
        if objectDepth <= 3 { path[objectDepth &- 1] = .other }
    }

    private mutating func close(isObject: Bool) {
        if depth == 0 || (containers & 1 == 1) != isObject { return state = .broken }
        if isObject {
            if objectDepth == 2 && path[0] == .candidates { endCandidate() }
            objectDepth &-= 1
        }
        containers >>= 1
        depth &-= 1
        endValue()
    }

    private mutating func endValue() {
        state = depth == 0 ? .ended : .behindValue
    }

    // MARK: Scalars

    private mutating func beginString(isName: Bool) {
        self.isName = isName
        state = .string
        text.removeAll()
        if !isName && wanted == .error { marks.hasError = true }
    }

    private mutating func endString() {
        if isName {
            state = .colon
            if objectDepth <= 3 { path[objectDepth &- 1] = AnswerMember(text.bytes) }
            return
        }
        endValue()
        switch wanted {
        case .type:
            mark(AnswerMarks.kind(ofType: text.bytes, api: api))
            if AnswerMarks.isOutput(type: text.bytes, api: api) { marks.hasOutput = true }
        case .status: mark(AnswerMarks.kind(ofStatus: text.bytes, api: api))
        case .model: if !text.bytes.isEmpty { modelText = text }
        case .finishReason: isCandidateFinished = !text.bytes.equals("FINISH_REASON_UNSPECIFIED")
        default: break
        }
    }

    /// A failure is not taken back.
    private mutating func mark(_ kind: AnswerMarks.Kind) {
        if kind != .none && marks.kind != .failed { marks.kind = kind }
    }

    private func isScalar(_ byte: UInt8) -> Bool {
        if state == .literal { return byte &- 0x61 < 26 }
        return byte.isDigit || byte == UInt8(ascii: ".") || byte | 0x20 == UInt8(ascii: "e") || byte == UInt8(ascii: "+")
            || byte == UInt8(ascii: "-")
    }

    private mutating func continueScalar(_ byte: UInt8) {
        if state == .literal { return }
        // A count has neither fraction nor exponent; its whole part would do if it had a fraction.
        if !byte.isDigit { isFraction = true }
        if isFraction { return }
        let (tens, isTooMuch) = number.multipliedReportingOverflow(by: 10)
        number = isTooMuch || tens > .max - 9 ? .max : tens &+ UInt64(byte &- 0x30)
    }

    private mutating func endScalar() {
        let isNumber = state == .number
        endValue()
        if !isNumber || Self.isCount(wanted) && number > Limits.answerTokensMax { return }
        switch wanted {
        case .input: counts.input = number
        case .output: counts.output = number
        case .cacheCreation: counts.cacheCreation = number
        case .cacheRead: counts.cacheRead = number
        case .thoughts: counts.thoughts = number
        case .index: candidateIndex = number
        default: break
        }
    }

    // MARK: Places

    /// What a value tells that begins here.
    private var place: AnswerMember {
        switch objectDepth {
        case 1:
            switch path[0] {
            case .type, .error, .model, .status: return path[0]
            default: return .other
            }
        case 2:
            switch (path[0], path[1]) {
            case (.usage, _): return Self.isCount(path[1]) ? path[1] : .other
            case (.candidates, .index), (.candidates, .finishReason): return path[1]
            case (.candidates, .content), (.choices, .text): return .written
            case (.response, .model), (.message, .model): return .model
            default: return .other
            }
        case 3 where (path[0] == .response || path[0] == .message) && path[1] == .usage: return Self.isCount(path[2]) ? path[2] : .other
        case 3 where path[0] == .choices && path[1] == .delta: return path[2] == .role ? .other : .written
        default: return .other
        }
    }

    private static func isCount(_ member: AnswerMember) -> Bool {
        switch member {
        case .input, .output, .cacheCreation, .cacheRead, .thoughts: true
        default: false
        }
    }

    /// One of many has an index; the only one may be without.
    private mutating func endCandidate() {
        let bit: UInt64 = 1 << min(candidateIndex, 63)
        marks.candidatesSeen |= bit
        if isCandidateFinished { marks.candidatesFinished |= bit }
        candidateIndex = 0
        isCandidateFinished = false
    }
}

/// The whole of a text that is no longer than a model's name may be, else nothing.
struct ShortText: Sendable {
    private var storage = InlineArray<128, UInt8>(repeating: 0)
    private var count = 0
    private var isSpoilt = false

    /// Empty where it was too long, or had escapes.
    var bytes: RawSpan {
        @_lifetime(borrow self)
        get { storage.rawSpan.extracting(0..<(isSpoilt ? 0 : count)) }
    }

    mutating func removeAll() {
        count = 0
        isSpoilt = false
    }

    mutating func spoil() {
        isSpoilt = true
    }

    mutating func append(_ byte: UInt8) {
        if count == Limits.modelNameBytesMax { spoil() }
        if isSpoilt { return }
        storage[count] = byte
        count &+= 1
    }

    mutating func append(_ piece: RawSpan) {
        if isSpoilt { return }
        if piece.byteCount > Limits.modelNameBytesMax - count { return spoil() }
        for position in 0..<piece.byteCount { storage[count &+ position] = piece[byte: position] }
        count &+= piece.byteCount
    }
}
