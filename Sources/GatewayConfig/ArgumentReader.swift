/// Lays a directive's words against the arguments it declares.
struct ArgumentReader {
    let environment: Environment
    let diagnostics: DiagnosticList

    /// What was read, and whether all of it was right.
    func read(_ words: [Word], of directive: Directive, name: Word) -> (arguments: Arguments, isSound: Bool) {
        var reading = Reading(directive: directive)
        for word in words {
            do {
                try read(word, into: &reading)
            } catch {
                reading.isSound = false
                diagnostics.error(error, about: word)
            }
            if reading.isDone { break }
        }
        if reading.isSound { reportMissing(in: &reading, words: words, name: name) }
        return (reading.arguments, reading.isSound)
    }

    /// How far the words have come.
    private struct Reading {
        let directive: Directive
        var arguments: Arguments
        var isSound = true
        /// Behind a word too many the others are the same mistake.
        var isDone = false
        private var positional: [Argument]

        init(directive: Directive) {
            self.directive = directive
            arguments = Arguments(directive: directive)
            positional = directive.arguments.filter { $0.isPositional }
        }

        /// The argument that stands for the next word behind those that have come.
        mutating func nextPositional() -> Argument? {
            guard let next = positional.first else { return nil }
            if case .list = next.shape { return next }
            return positional.removeFirst()
        }

        var leadingMark: Argument? { directive.arguments.first(where: \.isLeadingMark) }

        var wantsRequired: Bool { positional.first.map { if case .required = $0.shape { true } else { false } } ?? false }

        func declares(_ label: String, where isMeant: (Argument) -> Bool) -> Argument? {
            directive.arguments.first { $0.label == label && isMeant($0) }
        }
    }

    private func read(_ written: Word, into reading: inout Reading) throws(Complaint) {
        let word = try environment.resolve(written)
        if let (pair, value) = pair(word, reading) {
            try take(value, as: pair, once: true, into: &reading)
        } else if let mark = reading.leadingMark, word.text.hasPrefix(mark.label), reading.arguments.items.isEmpty {
            try take(Word(text: mark.label, position: word.position), as: mark, once: true, into: &reading)
            // As in nginx, "=/healthz" is "= /healthz".
            let rest = word.suffix(from: mark.label.utf8.count)
            if !rest.text.isEmpty { try read(rest, into: &reading) }
        } else if !reading.wantsRequired, let flag = reading.declares(word.text, where: \.isFlag) {
            try take(word, as: flag, once: true, into: &reading)
        } else if let argument = reading.nextPositional() {
            try take(written, as: argument, once: false, into: &reading)
        } else {
            let wasSound = reading.isSound
            reading.isDone = true
            if wasSound { throw surplus(word, reading.directive) }
        }
    }

    /// `key=value`, where the directive has such a key.
    private func pair(_ word: Word, _ reading: Reading) -> (Argument, Word)? {
        guard let equals = word.text.utf8.firstIndex(of: UInt8(ascii: "=")) else { return nil }
        guard let argument = reading.declares(String(word.text[..<equals]), where: \.isPair) else { return nil }
        return (argument, word.suffix(from: word.text.utf8.distance(from: word.text.utf8.startIndex, to: equals) + 1).unquoted)
    }

    private func take(_ word: Word, as argument: Argument, once: Bool, into reading: inout Reading) throws(Complaint) {
        if once, reading.arguments.has(argument.label) {
            throw Complaint("\"\(argument.label)\" is given twice", expected: "expected it once")
        }
        let words = argument.isList ? try environment.resolveList(word) : [try resolve(word, as: argument)]
        for word in words {
            do {
                let value = try argument.kind.read(word)
                reading.arguments.items.append(Arguments.Item(label: argument.label, value: value, word: word))
            } catch {
                reading.isSound = false
                diagnostics.error(error, about: word)
            }
        }
    }

    /// Of a field the value alone may come from the environment, too.
    private func resolve(_ word: Word, as argument: Argument) throws(Complaint) -> Word {
        let resolved = try environment.resolve(word)
        guard case .field = argument.kind, resolved.environmentName == nil else { return resolved }
        let nameLength = word.text.utf8.prefix { $0 != UInt8(ascii: ":") }.count + 1
        if nameLength > word.text.utf8.count { return word }
        let value = try environment.resolve(word.suffix(from: nameLength))
        if value.environmentName == nil { return word }
        let name = String(decoding: word.text.utf8.prefix(nameLength), as: UTF8.self)
        return Word(text: name + value.text, position: word.position, environmentName: value.environmentName)
    }

    private func surplus(_ word: Word, _ directive: Directive) -> Complaint {
        let words = directive.arguments.filter { $0.isFlag || $0.isPair }.map { $0.isPair ? $0.label + "=" : $0.label }
        if words.isEmpty { return Complaint("\(word.shown) is one argument too many", expected: "syntax: \(directive.form)") }
        let key = word.text.utf8.prefix { $0 != UInt8(ascii: "=") }.count
        let name = String(decoding: word.text.utf8.prefix(key + 1), as: UTF8.self)
        let hint = word.environmentName == nil ? Suggestion.hint(for: name, among: words) : nil
        return Complaint(
            "\(word.shown) is not an argument of \"\(directive.name)\"", expected: hint ?? "syntax: \(directive.form)")
    }

    private func reportMissing(in reading: inout Reading, words: [Word], name: Word) {
        let directive = reading.directive
        let present = reading.arguments
        let missing = directive.arguments.first { $0.isRequired && !present.has($0.label) }
        let hasNothing =
            !directive.standsAlone && directive.arguments.allSatisfy { !$0.isRequired } && !directive.arguments.isEmpty && words.isEmpty
        guard missing != nil || hasNothing else { return }
        reading.isSound = false
        let what = missing.map { $0.isPair ? "\"\($0.label)=\"" : $0.placeholder } ?? "arguments"
        diagnostics.error(
            "\"\(directive.name)\" is missing \(what)", at: (words.last ?? name).position, expected: "syntax: \(directive.form)")
    }
}

extension Argument {
    var isPositional: Bool {
        switch shape {
        case .required, .optional, .list: true
        case .leadingMark, .flag, .pair: false
        }
    }

    var isList: Bool { if case .list = shape { true } else { false } }
    var isFlag: Bool { if case .flag = shape { true } else { false } }
    var isLeadingMark: Bool { if case .leadingMark = shape { true } else { false } }
    var isPair: Bool { if case .pair = shape { true } else { false } }
}
