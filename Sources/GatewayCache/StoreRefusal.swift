/// Why a zone doesn't keep an answer.
public enum StoreRefusal: Error, Equatable {
    /// It is not whole, or was passed on unkept.
    case incomplete
    case tooLarge
    /// What readers hold leaves no room for it.
    case noRoom
    /// It was purged while it came, or what is stored was asked for later.
    case superseded
}
