/// A line for a terminal: text with colours, as wide as it is shown. Whatever is told by a colour stands there as a word or a sign as well.
struct StyledLine: Equatable {
    enum Style: String {
        case plain = ""
        case bold = "1"
        case quiet = "2"
        case ok = "32"
        case notice = "33"
        case bad = "1;31"

        init(_ state: LiveVerdict.State) {
            self = state == .ok ? .ok : state == .notice ? .notice : .bad
        }
    }

    private struct Piece: Equatable {
        var text: String
        let style: Style
    }

    private var pieces: [Piece] = []
    /// Columns that it takes.
    private(set) var width = 0

    init(_ text: String = "", _ style: Style = .plain) {
        add(text, style)
    }

    /// A name may hold anything; what would move the cursor is shown as a mark.
    mutating func add(_ text: String, _ style: Style = .plain) {
        if text.isEmpty { return }
        let scalars = text.unicodeScalars.map { $0.value < 0x20 || 0x7f...0x9f ~= $0.value ? "\u{fffd}" : $0 }
        pieces.append(Piece(text: String(String.UnicodeScalarView(scalars)), style: style))
        width += scalars.reduce(0) { $0 + Self.columns($1) }
    }

    mutating func add(_ other: StyledLine) {
        pieces += other.pieces
        width += other.width
    }

    /// Blanks up to a column.
    mutating func pad(to column: Int) {
        if column > width { add(String(repeating: " ", count: column - width)) }
    }

    /// No wider than that; what is cut ends in "…".
    func cut(to columns: Int) -> StyledLine {
        if width <= columns { return self }
        var line = StyledLine()
        for piece in pieces {
            var text = String.UnicodeScalarView()
            var taken = line.width
            for scalar in piece.text.unicodeScalars {
                taken += Self.columns(scalar)
                if taken > columns - 1 {
                    line.add(String(text), piece.style)
                    line.add(columns > 0 ? "…" : "", piece.style)
                    return line
                }
                text.append(scalar)
            }
            line.add(String(text), piece.style)
        }
        return line
    }

    /// With colours by ECMA-48's SGR, or without.
    func text(hasColours: Bool) -> String {
        pieces.map { piece in
            hasColours && piece.style != .plain ? "\u{1b}[\(piece.style.rawValue)m\(piece.text)\u{1b}[0m" : piece.text
        }.joined()
    }

    /// As terminals have it, roughly: what is East Asian takes two, marks on other letters none.
    private static func columns(_ scalar: Unicode.Scalar) -> Int {
        switch scalar.value {
        case 0x300...0x36f, 0x200b...0x200f, 0xfe00...0xfe0f: 0
        case 0x1100...0x115f, 0x2e80...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f, 0xff00...0xff60, 0xffe0...0xffe6,
            0x1f300...0x1faff, 0x20000...0x3fffd:
            2
        default: 1
        }
    }
}
