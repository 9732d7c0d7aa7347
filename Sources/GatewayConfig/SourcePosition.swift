/// A place in a configuration file. It keeps its line, so that it can be shown when the file has changed since.
public struct SourcePosition: Sendable, Equatable {
    public let path: String
    /// From 1; 0 means the file as a whole.
    public let line: Int
    /// From 1, in Unicode scalars.
    public let column: Int
    /// The scalars from `column` on that are meant: what the caret underlines.
    public let length: Int
    /// The whole line, without its end.
    public let sourceLine: String

    public init(path: String, line: Int, column: Int, length: Int, sourceLine: String) {
        self.path = path
        self.line = line
        self.column = column
        self.length = length
        self.sourceLine = sourceLine
    }

    /// The file as a whole.
    public init(path: String) {
        self.init(path: path, line: 0, column: 0, length: 0, sourceLine: "")
    }

    /// How other messages name the place: "gateway.conf:12:5".
    var name: String { line == 0 ? path : "\(path):\(line):\(column)" }

    /// A part of the same word, `offset` scalars behind its beginning.
    func part(offset: Int, length: Int) -> SourcePosition {
        SourcePosition(path: path, line: line, column: column + offset, length: length, sourceLine: sourceLine)
    }

    /// The same place in a line whose `columns` can't be read.
    func hiding(_ columns: [Range<Int>]) -> SourcePosition {
        // A byte order mark is in no column.
        let first = sourceLine.unicodeScalars.first == "\u{feff}" ? 0 : 1
        let scalars = sourceLine.unicodeScalars.enumerated().map { index, scalar in
            columns.contains { $0.contains(index + first) } ? "*" : scalar
        }
        return SourcePosition(
            path: path, line: line, column: column, length: length, sourceLine: String(String.UnicodeScalarView(scalars)))
    }

    /// The place right behind the word.
    var end: SourcePosition { part(offset: length, length: 1) }
}
