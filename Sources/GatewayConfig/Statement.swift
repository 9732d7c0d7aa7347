/// One directive as it is written: `name argument ...;` or `name argument ... { statements }`.
struct Statement {
    let name: Word
    var arguments: [Word]
    /// nil where it ends in ";".
    var block: [Statement]?
}
