/// A directive as it stands in a file, known and with its arguments read.
struct Entry {
    let name: Word
    let arguments: Arguments
    /// Whether all its arguments were right.
    let isSound: Bool
    let block: Scope?

    var directive: Directive { arguments.directive }
}

/// A block whose directives are known.
final class Scope {
    let context: Context
    /// Unowned, as the outer block owns this one: whoever reads a file keeps its outermost block to the end.
    unowned let outer: Scope?
    private var entries: [String: [Entry]] = [:]
    private var written: [Entry] = []
    /// Whether every directive in it was known.
    var isSound = true

    init(context: Context, outer: Scope?) {
        self.context = context
        self.outer = outer
    }

    func append(_ entry: Entry) {
        entries[entry.directive.name, default: []].append(entry)
        written.append(entry)
    }

    var isEmpty: Bool { entries.isEmpty }

    /// Those of that name, right or not, in the order they are written.
    func all(_ name: String) -> [Entry] { entries[name] ?? [] }

    /// Those of several names, in the order they are written.
    func all(_ names: [String]) -> [Entry] { written.filter { names.contains($0.directive.name) } }

    func first(_ name: String) -> Entry? { entries[name]?.first }

    /// What holds here: of this block, else of the nearest outer one, else the default of the table.
    func effective(_ name: String) -> Arguments {
        guard let directive = DirectiveTable.directive(named: name, in: context) else {
            guard let outer else { preconditionFailure("no block around has \(name)") }
            return outer.effective(name)
        }
        if let entry = first(name), entry.isSound { return entry.arguments }
        if let outer, directive.contexts.contains(outer.context) { return outer.effective(name) }
        return Defaults.arguments(of: directive)
    }

    /// The nearest entries of that name: this block's, else the nearest outer one's.
    func nearest(_ name: String) -> [Entry] {
        let own = all(name)
        return own.isEmpty ? outer?.nearest(name) ?? [] : own
    }
}
