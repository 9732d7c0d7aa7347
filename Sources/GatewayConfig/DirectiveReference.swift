/// The reference of the language, made of its table.
public enum DirectiveReference {
    /// Markdown: a section for each part of the language, in it a table with a row for each directive, and the variables.
    public static func markdown() -> String {
        (DirectiveTable.sections.map(section) + [variables]).joined(separator: "\n\n") + "\n"
    }

    private static func section(_ section: DirectiveTable.Section) -> String {
        let rows = section.directives.map { directive in
            row([
                directive.syntax.map(code).joined(separator: "<br>"), directive.fallback.map(code) ?? "",
                directive.contexts.name, directive.summary,
            ])
        }
        return heading(section.title) + table(["Directive", "Default", "Context", "Meaning"], rows)
    }

    private static var variables: String {
        let names = VariableTable.entries.map { row([code("$" + $0.name), $0.summary]) }
        let families = [
            row([code("$http_NAME"), "The request's header field of that name, with `_` for each `-`."]),
            row([code("$arg_NAME"), "The query's parameter of that name."]),
        ]
        return heading("Variables") + table(["Variable", "Value"], families + names)
    }

    private static func heading(_ title: String) -> String { "### \(title)\n\n" }

    private static func table(_ columns: [String], _ rows: [String]) -> String {
        ([row(columns), row(columns.map { _ in "---" })] + rows).joined(separator: "\n")
    }

    private static func row(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }

    /// A table's cell ends at "|", also inside of code.
    private static func code(_ text: String) -> String {
        "`" + text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|") + "`"
    }
}
