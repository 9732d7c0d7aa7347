/// `add_header` adds, whatever is there: what `security_headers` or `cors` send as well goes out twice.
extension SnapshotBuilder {
    /// Of all that holds in this block; what holds in the outer one already is reported there. It is said at the inner one of the two.
    func checkAddedHeaders(_ block: Scope) {
        for (header, isOwn) in addedHeaders(block) {
            guard let name = header.arguments.text("NAME"), header.arguments.template("VALUE")?.parts.isEmpty == false else { continue }
            warnOfDouble(name, isOwn ? header : nil, block)
            refuseDouble(name, isOwn ? header : nil, block)
        }
    }

    /// This level's, and those of the outer levels whose names it does not set again.
    private func addedHeaders(_ block: Scope) -> [(entry: Entry, isOwn: Bool)] {
        let own = block.all("add_header")
        let names = Set(own.compactMap { $0.arguments.text("NAME")?.lowercased() })
        let outer = (block.outer.map(addedHeaders) ?? []).filter { outer in
            outer.entry.arguments.text("NAME").map { !names.contains($0.lowercased()) } ?? false
        }
        return outer.map { ($0.entry, false) } + own.map { ($0, true) }
    }

    /// `own` is the block's own add_header; nil if it has it from outside.
    private func warnOfDouble(_ name: String, _ own: Entry?, _ block: Scope) {
        for member in Self.members + [("hsts", "Strict-Transport-Security")] where member.field.lowercased() == name.lowercased() {
            guard let entry = sending(member.directive, block) else { continue }
            if own == nil, let outer = block.outer, sending(member.directive, outer) != nil { continue }
            diagnostics.warning(
                "responses get \(name) twice", at: (own ?? entry).name.position,
                expected: "leave it out, or \"\(member.directive)\" of security_headers")
        }
    }

    /// The member of security_headers, unless it is off.
    private func sending(_ directive: String, _ block: Scope) -> Entry? {
        guard let entry = securityMember(directive, block) else { return nil }
        let isOff = directive == "hsts" ? entry.arguments.has("off") : entry.arguments.texts() == ["off"]
        return isOff ? nil : entry
    }

    /// A page may not read an answer that names its origin twice (WHATWG Fetch § 4.10), so nobody can mean it.
    private func refuseDouble(_ name: String, _ own: Entry?, _ block: Scope) {
        guard CORSConfig.fieldNames.contains(where: { $0.lowercased() == name.lowercased() }), cors(block) != nil else { return }
        if own == nil, let outer = block.outer, cors(outer) != nil { return }
        guard let entry = own ?? block.first("cors") else { return }
        diagnostics.error(
            "\"cors\" says \(name)", at: entry.name.position, expected: "leave it out of add_header: browsers refuse what is said twice")
    }
}
